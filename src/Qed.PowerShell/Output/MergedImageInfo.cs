using System.Linq;
using Qed.Operations;

namespace Qed;

/// <summary>A disk image that another one was merged into.</summary>
public sealed class MergedImageInfo : ImageInfo
{
    internal MergedImageInfo(MergeResult result)
        : base(result.After)
    {
        SourcePath = result.Source.Path;
        Source = result.Overlay;
        SizeBefore = (ulong)result.Before.Size;
        WrittenBytes = (ulong)result.WrittenBytes;
        ZeroedBytes = (ulong)result.ZeroedBytes;
        DeletedFiles = result.DeletedFiles.ToArray();
    }

    /// <summary>Full path of the image that was merged.</summary>
    public string SourcePath { get; }

    /// <summary>What has become of it.</summary>
    public MergedOverlay Source { get; }

    /// <summary>Bytes of the disk before.</summary>
    public ulong SizeBefore { get; }

    /// <summary>Bytes of the disk that were written as data, because they differed.</summary>
    public ulong WrittenBytes { get; }

    /// <summary>Bytes of the disk that were made zeroes.</summary>
    public ulong ZeroedBytes { get; }

    /// <summary>The files that were deleted.</summary>
    public string[] DeletedFiles { get; }
}
