namespace Qed.Formats.Vhdx;

/// <summary>What a payload block is (MS-VHDX 2.5.1.1). 4 and 5 are reserved.</summary>
internal enum BlockState
{
    /// <summary>Nothing is known of the block here: the parent has it, or it is zeroes.</summary>
    NotPresent = 0,
    Undefined = 1,
    Zero = 2,
    Unmapped = 3,

    /// <summary>The file holds the whole block; for a bitmap block: the file holds it.</summary>
    FullyPresent = 6,

    /// <summary>The file holds those sectors of the block that the sector bitmap names, the parent the others.</summary>
    PartiallyPresent = 7,
}

/// <summary>An entry of the block allocation table: a state, and an offset that counts MiB.</summary>
/// <param name="Value">As it is stored.</param>
internal readonly record struct BatEntry(ulong Value)
{
    internal const int Size = 8;

    private const ulong StateMask = 7;
    private const int OffsetShift = 20;

    /// <summary>The entry of a block that lies in the file; other states have no offset, or Hyper-V refuses the image.</summary>
    internal static BatEntry At(long offset, BlockState state) => new((ulong)offset | (ulong)state);

    internal BlockState State => (BlockState)(Value & StateMask);

    /// <summary>Host offset in bytes; meaningless, whatever it is, in states that have no data. May be too large for a file.</summary>
    internal ulong Offset => Value >> OffsetShift << OffsetShift;

    internal bool HasData => State is BlockState.FullyPresent or BlockState.PartiallyPresent;

    /// <summary>Whether the block reads as zeroes whatever a parent holds. What "undefined" reads as is left to the reader.</summary>
    internal bool IsZero => State is BlockState.Undefined or BlockState.Zero or BlockState.Unmapped;
}
