using Qed.Layout;

namespace Qed.Transfer;

/// <summary>A range in which two disks differ, in whole sectors of 512 bytes unless the disk ends within one.</summary>
/// <param name="Offset">Where it starts.</param>
/// <param name="Length">Its length in bytes, at least 1.</param>
public readonly record struct DifferingRange(GuestOffset Offset, long Length)
{
    /// <summary>The guest offset just behind the range.</summary>
    public GuestOffset End => Offset + Length;
}
