using System;
using System.Collections.Generic;

namespace Qed.PowerShell.Binding;

/// <summary>Which file each image of a pipeline is written to, so that two do not replace each other's.</summary>
internal sealed class TargetNames
{
    private static readonly StringComparer PathComparer
        = System.IO.Path.DirectorySeparatorChar == '\\' ? StringComparer.OrdinalIgnoreCase : StringComparer.Ordinal;

    private readonly Dictionary<string, string> _sourceOfTarget = new(PathComparer);

    /// <summary>Takes a name for an image.</summary>
    /// <param name="target">Full path of the file that is to be written.</param>
    /// <param name="source">The image.</param>
    /// <param name="advice">What to do where another image has that name already.</param>
    /// <exception cref="DiskImageException">ImageExists where it has.</exception>
    internal void Claim(string target, string source, string advice)
    {
        if (_sourceOfTarget.TryGetValue(target, out string? first))
            throw new DiskImageException(ErrorKind.ImageExists, $"this is the target of '{first}' already", target) { Remedy = Remedy.Advice(advice) };
        _sourceOfTarget.Add(target, source);
    }
}
