using System;
using Qed.Operations;

namespace Qed;

/// <summary>A hash of what the guest sees of an image. Its members are named as those of <c>Get-FileHash</c>.</summary>
public sealed class ImageHash : ImageResult
{
    private readonly HashResult _result;

    internal ImageHash(HashResult result) => _result = result;

    /// <summary>Full path of the image's file.</summary>
    public override string Path => _result.Path;

    /// <summary>The algorithm: SHA256, say.</summary>
    public string Algorithm => _result.Algorithm;

    /// <summary>The hash in upper-case hexadecimal digits; that of the raw disk's file.</summary>
    public string Hash => _result.Hash;

    /// <summary>The format that the image was read as.</summary>
    public string Format => _result.Format;

    /// <summary>Bytes of the guest's disk, all of which are in the hash.</summary>
    public ulong Size => (ulong)_result.Size;

    /// <summary>How long it took.</summary>
    public TimeSpan Duration => _result.Duration;
}
