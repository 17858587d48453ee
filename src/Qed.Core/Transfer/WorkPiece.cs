using Qed.Units;


namespace Qed.Transfer;

/// <summary>A range of the guest's disk that one worker handles in one piece.</summary>
/// <param name="Offset">Where it starts.</param>
/// <param name="Length">Its length in bytes, at least 1.</param>
internal readonly record struct WorkPiece(GuestOffset Offset, int Length)
{
    /// <summary>Whether two disks take it from one place of one file, so that there is nothing to compare.</summary>
    internal bool IsShared { get; init; }

    /// <summary>Whether the disk that is read is zeroes there, which need not be read.</summary>
    internal bool IsZero { get; init; }

    internal GuestOffset End => Offset + Length;
}
