namespace Qed.Formats.Qcow2;

/// <summary>
/// Where the data of a compressed cluster lies: at any byte, as far as the end of a 512-byte sector, across host
/// clusters and beside others.
/// </summary>
/// <param name="Offset">Byte offset in the file.</param>
/// <param name="Length">Bytes up to the end of the last sector; the data may end earlier.</param>
internal readonly record struct CompressedCluster(long Offset, int Length)
{
    private const int SectorBits = 9;
    private const int DescriptorBits = 62;

    /// <summary>Bits of the offset in a descriptor; the number of further sectors stands above them.</summary>
    internal static int OffsetBits(int clusterBits) => DescriptorBits - (clusterBits - 8);

    /// <summary>Reads a descriptor. At most two clusters long, whatever it says.</summary>
    internal static CompressedCluster Decode(ulong descriptor, int clusterBits)
    {
        int offsetBits = OffsetBits(clusterBits);
        var offset = (long)(descriptor & ((1UL << offsetBits) - 1));
        var furtherSectors = (int)(descriptor >> offsetBits & ((1UL << (DescriptorBits - offsetBits)) - 1));
        int inSector = (int)(offset & ((1 << SectorBits) - 1));
        return new CompressedCluster(offset, ((furtherSectors + 1) << SectorBits) - inSector);
    }

    /// <summary>The L2 entry for data at an offset.</summary>
    internal static ulong Encode(long offset, int length, int clusterBits)
    {
        long furtherSectors = ((offset + length - 1) >> SectorBits) - (offset >> SectorBits);
        return L2Entry.Compressed | (ulong)furtherSectors << OffsetBits(clusterBits) | (ulong)offset;
    }
}
