using System;
using System.Buffers.Binary;
using System.IO;
using Qed.Formats.Vhdx;
using Qed.Operations;
using Qed.Tests.Support;

namespace Qed.Tests.Formats.Vhdx;

/// <summary>A small image whose every byte a test knows: 3 MiB and a half in blocks of 1 MiB, the first and third of them present.</summary>
internal sealed class VhdxSample
{
    internal const int MiB = 1 << 20;
    internal const int DiskSize = (3 * MiB) + (MiB / 2);
    internal const int Log = MiB;
    internal const int Metadata = 2 * MiB;
    internal const int BlockTable = 3 * MiB;
    internal const int Blocks = 4 * MiB;

    private VhdxSample(byte[] bytes, byte[] disk)
    {
        Bytes = bytes;
        Disk = disk;
    }

    /// <summary>The file.</summary>
    internal byte[] Bytes { get; }

    /// <summary>What the guest sees.</summary>
    internal byte[] Disk { get; }

    internal static VhdxSample Create(TempFolder folder)
    {
        byte[] disk = new byte[DiskSize];
        Patterns.Random(MiB, 1).CopyTo(disk, 0);
        Patterns.Random(MiB, 2).CopyTo(disk, 2 * MiB);
        File.WriteAllBytes(folder["sample.raw"], disk);
        ConvertImage.Run(new ConvertImageOptions { Path = folder["sample.raw"], DestinationPath = folder["sample.vhdx"], ClusterSize = MiB, Force = true });
        return new VhdxSample(File.ReadAllBytes(folder["sample.vhdx"]), disk);
    }

    internal Span<byte> At(long offset) => Bytes.AsSpan((int)offset);

    internal void SetUInt64(long offset, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(At(offset), value);

    internal void SetUInt32(long offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(At(offset), value);

    internal void SetUInt16(long offset, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(At(offset), value);

    /// <summary>Changes both headers, which stay intact.</summary>
    internal void InHeaders(Action<long> change)
    {
        foreach (long offset in new[] { VhdxHeader.FirstOffset, VhdxHeader.SecondOffset })
        {
            change(offset);
            VhdxChecksum.Set(At(offset).Slice(0, VhdxHeader.Size));
        }
    }

    /// <summary>Changes both region tables, which stay intact.</summary>
    internal void InRegionTables(Action<long> change)
    {
        foreach (long offset in new[] { VhdxRegionTable.FirstOffset, VhdxRegionTable.SecondOffset })
        {
            change(offset);
            VhdxChecksum.Set(At(offset).Slice(0, VhdxRegionTable.Size));
        }
    }

    /// <summary>Where the entry of a metadata item starts, by its place in the table.</summary>
    internal static long ItemEntry(int index) => Metadata + 32 + (32 * index);

    /// <summary>Where an item lies.</summary>
    internal long Item(int index) => Metadata + BinaryPrimitives.ReadUInt32LittleEndian(At(ItemEntry(index) + 16));
}
