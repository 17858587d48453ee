using System.IO;

namespace Qed.Operations;

/// <summary>Which bytes of a guest's disk <see cref="ReadContent"/> is to read, and where to.</summary>
public sealed record ReadContentOptions
{
    /// <summary>The image's file.</summary>
    public required string Path { get; init; }

    /// <summary>Its format; null to probe.</summary>
    public string? SourceFormat { get; init; }

    /// <summary>When the source of no known format is taken for a raw disk, where its format is not given.</summary>
    public RawFallback RawFallback { get; init; }

    /// <summary>Where on the guest's disk to start, in bytes.</summary>
    public long Offset { get; init; }

    /// <summary>How many bytes; null for all up to the end of the disk.</summary>
    public long? Length { get; init; }

    /// <summary>The file to write them to; what of them is zero is left out of it as holes. Null for a stream.</summary>
    public string? DestinationFile { get; init; }

    /// <summary>The stream to write them to, at its present position; it stays open. Null for a file.</summary>
    public Stream? DestinationStream { get; init; }

    /// <summary>Whether an existing file is replaced.</summary>
    public bool Force { get; init; }

    /// <summary>Whether to read a written file again and compare it.</summary>
    public bool Verify { get; init; }
}
