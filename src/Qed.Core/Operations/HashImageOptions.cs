using System.Security.Cryptography;

namespace Qed.Operations;

/// <summary>What <see cref="HashImage"/> is to hash, and how.</summary>
public sealed record HashImageOptions
{
    /// <summary>The image's file.</summary>
    public required string Path { get; init; }

    /// <summary>Its format; null to probe.</summary>
    public string? SourceFormat { get; init; }

    /// <summary>When a source of no known format is taken for a raw disk, where its format is not given.</summary>
    public RawFallback RawFallback { get; init; }

    /// <summary>MD5, SHA1, SHA256, SHA384 or SHA512.</summary>
    public HashAlgorithmName Algorithm { get; init; } = HashAlgorithmName.SHA256;
}
