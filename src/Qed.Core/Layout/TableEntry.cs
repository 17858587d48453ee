namespace Qed.Layout;

/// <summary>The values that an entry of an L1 or L2 table can have (QED specification, "Tables").</summary>
internal static class TableEntry
{
    /// <summary>L1: no L2 table. L2: read the backing file, zeroes past its end or without one.</summary>
    internal const ulong Unallocated = 0;

    /// <summary>L2 only: the cluster reads as zeroes, whatever the backing file holds.</summary>
    internal const ulong Zero = 1;

    /// <summary>The bits of a valid entry that can be an offset: clusters are at least 4 KiB, the low 12 bits are reserved.</summary>
    internal const ulong OffsetMask = ~0xfffUL;

    /// <summary>Bytes of an entry on disk.</summary>
    internal const int Size = sizeof(ulong);

    /// <summary>Whether an L2 entry is an offset, right or wrong, rather than one of the two marks.</summary>
    internal static bool IsOffset(ulong entry) => entry > Zero;
}
