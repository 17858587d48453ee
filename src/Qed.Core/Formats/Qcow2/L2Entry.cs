namespace Qed.Formats.Qcow2;

/// <summary>An entry of an L2 table: what becomes of one guest cluster.</summary>
/// <param name="Descriptor">The 64 bits that all images have.</param>
/// <param name="Subclusters">The bitmap behind them in images with extended entries, else zero.</param>
internal readonly record struct L2Entry(ulong Descriptor, ulong Subclusters)
{
    /// <summary>Bits 9 to 55, of L1 entries too.</summary>
    internal const ulong OffsetMask = 0x00ff_ffff_ffff_fe00;

    /// <summary>The cluster's reference count is exactly one. Of L1 entries too.</summary>
    internal const ulong Copied = 1UL << 63;

    internal const ulong Compressed = 1UL << 62;

    /// <summary>Reads as zeroes, whatever the offset says.</summary>
    internal const ulong Zero = 1;

    internal bool IsCompressed => (Descriptor & Compressed) != 0;

    internal bool IsCopied => (Descriptor & Copied) != 0;

    internal bool HasZeroFlag => (Descriptor & Zero) != 0;

    internal ulong HostOffset => Descriptor & OffsetMask;

    /// <summary>Bits that a standard descriptor must not have.</summary>
    internal ulong ReservedBits => Descriptor & ~(OffsetMask | Copied | Compressed | Zero);

    /// <summary>One bit a subcluster that has data of its own.</summary>
    internal uint Allocated => (uint)Subclusters;

    /// <summary>One bit a subcluster that reads as zeroes.</summary>
    internal uint Zeroes => (uint)(Subclusters >> 32);
}
