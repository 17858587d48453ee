using System.IO;

namespace Qed.Operations;

/// <summary>Which bytes of a guest's disk <see cref="WriteContent"/> is to write, and where from.</summary>
public sealed record WriteContentOptions
{
    /// <summary>The image's file.</summary>
    public required string Path { get; init; }

    /// <summary>Where on the guest's disk to start, in bytes.</summary>
    public long Offset { get; init; }

    /// <summary>How many bytes; null for all that the source has.</summary>
    public long? Length { get; init; }

    /// <summary>The file whose bytes are written, whatever they are. Null for a stream.</summary>
    public string? SourceFile { get; init; }

    /// <summary>The stream whose bytes are written, from its present position on; it stays open. Null for a file.</summary>
    public Stream? SourceStream { get; init; }

    /// <summary>Whether to read the range again from the closed image and compare it.</summary>
    public bool Verify { get; init; }
}
