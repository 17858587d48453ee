using System;
using System.Collections.Generic;
using System.IO;
using Qed.Operations;

namespace Qed.PowerShell.Binding;

/// <summary>Which file each image of a pipeline is written to, so that two do not replace each other's.</summary>
internal sealed class TargetNames
{
    /// <summary>How this system tells paths apart.</summary>
    internal static readonly StringComparer PathComparer = Path.DirectorySeparatorChar == '\\' ? StringComparer.OrdinalIgnoreCase : StringComparer.Ordinal;

    private static readonly StringComparison PathComparison
        = PathComparer == StringComparer.Ordinal ? StringComparison.Ordinal : StringComparison.OrdinalIgnoreCase;

    private readonly Dictionary<string, string> _sourceOfTarget = new(PathComparer);

    /// <summary>The name of an image's target in a folder, with the extension of its format.</summary>
    /// <param name="folder">Full path of the folder for targets.</param>
    /// <param name="source">Full path of the image.</param>
    /// <param name="format">The target's format.</param>
    /// <param name="root">Full path of the folder below which the folders of images are kept; null puts all targets side by side.</param>
    /// <exception cref="DiskImageException">ImageNotFound where the image does not lie below the root.</exception>
    internal static string InFolder(string folder, string source, FormatInfo format, string? root)
    {
        string name = Path.GetFileName(source);
        if (root is not null)
        {
            string start = root.TrimEnd(Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar) + Path.DirectorySeparatorChar;
            if (!source.StartsWith(start, PathComparison))
                throw new DiskImageException(ErrorKind.ImageNotFound, $"the image does not lie below '{root}', which -RelativeTo names", source);
            name = source.Substring(start.Length);
        }

        return Path.Combine(folder, Path.ChangeExtension(name, format.Extensions[0]));
    }

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
