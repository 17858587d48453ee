using System;

namespace Qed.Operations;

/// <summary>A hash of what the guest sees of an image.</summary>
public sealed record HashResult
{
    /// <summary>Full path of the image's file.</summary>
    public required string Path { get; init; }

    /// <summary>The format that it was read as.</summary>
    public required string Format { get; init; }

    /// <summary>Bytes of the guest's disk, all of which are in the hash.</summary>
    public required long Size { get; init; }

    /// <summary>The algorithm's name: "SHA256".</summary>
    public required string Algorithm { get; init; }

    /// <summary>The hash in upper-case hexadecimal digits, as <c>Get-FileHash</c> writes it.</summary>
    public required string Hash { get; init; }

    /// <summary>How long it took.</summary>
    public required TimeSpan Duration { get; init; }
}
