using System;
using System.Buffers;
using System.Buffers.Binary;
using Qed.Images;
using Qed.Units;

namespace Qed.Formats.Vmdk;

/// <summary>Grains side by side, each compressed behind its marker and padded to whole sectors.</summary>
internal sealed class CompressedGrains : EncodedPiece
{
    // VMware's reader takes a grain with its marker only if it is at most a sector longer than the data.
    private const int MostGrowth = SparseHeader.SectorSize;
    private const int LargestStoredBlock = 65535;

    private readonly byte[] _buffer;
    private readonly int[] _ends;
    private readonly long[] _sectors;

    /// <param name="offset">The first grain's offset on the guest's disk.</param>
    /// <param name="data">The guest's bytes; only the disk's last grain may be shorter than the others.</param>
    /// <param name="grainBytes">Bytes in a grain.</param>
    internal CompressedGrains(GuestOffset offset, ReadOnlySpan<byte> data, int grainBytes)
        : base(offset, data.Length)
    {
        FirstGrain = offset.Value / grainBytes;
        Count = (data.Length + grainBytes - 1) / grainBytes;
        _buffer = ArrayPool<byte>.Shared.Rent(Count * (grainBytes + MostGrowth));
        _ends = new int[Count];
        _sectors = new long[Count];
        int end = 0;
        for (int i = 0; i < Count; i++)
        {
            ReadOnlySpan<byte> grain = data.Slice(i * grainBytes, Math.Min(grainBytes, data.Length - (i * grainBytes)));
            end += Compress(grain, (FirstGrain + i) * grainBytes, _buffer.AsSpan(end, grainBytes + MostGrowth));
            _ends[i] = end;
        }
    }

    /// <summary>The number of the first grain.</summary>
    internal long FirstGrain { get; }

    /// <summary>How many grains.</summary>
    internal int Count { get; }

    /// <summary>Sectors that a grain takes at most, marker and padding included, however badly it compresses.</summary>
    internal static long MostSectors(int grainBytes) => (grainBytes + MostGrowth) / SparseHeader.SectorSize;

    /// <summary>Sectors of one of the grains, marker and padding included.</summary>
    internal long SectorsOf(int index) => (_ends[index] - StartOf(index)) / SparseHeader.SectorSize;

    /// <summary>Gives one of the grains its place in the file.</summary>
    internal void Place(int index, long sector) => _sectors[index] = sector;

    /// <summary>The longest run from a grain on whose places follow each other.</summary>
    /// <returns>The place of the run, its bytes, and the grain behind it.</returns>
    internal (long Sector, ReadOnlyMemory<byte> Bytes, int Next) RunFrom(int index)
    {
        int next = index + 1;
        while (next < Count && _sectors[next] == _sectors[next - 1] + SectorsOf(next - 1))
            next++;
        int start = StartOf(index);
        return (_sectors[index], _buffer.AsMemory(start, _ends[next - 1] - start), next);
    }

    public override void Dispose() => ArrayPool<byte>.Shared.Return(_buffer);

    private int StartOf(int index) => index == 0 ? 0 : _ends[index - 1];

    /// <returns>Bytes used, whole sectors.</returns>
    private static int Compress(ReadOnlySpan<byte> grain, long guestOffset, Span<byte> target)
    {
        Span<byte> data = target.Slice(StreamMarker.GrainHeaderSize);
        int size = Deflate.CompressZlib(grain, data);
        if (size < 0)
            size = Store(grain, data);
        StreamMarker.WriteGrain(target, guestOffset / SparseHeader.SectorSize, size);
        int used = StreamMarker.GrainHeaderSize + size;
        int padded = (int)SparseLayout.SectorsFor(used) * SparseHeader.SectorSize;
        target.Slice(used, padded - used).Clear();
        return padded;
    }

    /// <summary>Frames data that does not compress as a zlib stream of stored blocks (RFC 1950, RFC 1951), which grows by a few bytes only.</summary>
    private static int Store(ReadOnlySpan<byte> data, Span<byte> target)
    {
        target[0] = 0x78;
        target[1] = 0x01;
        int at = 2;
        for (int start = 0; start < data.Length;)
        {
            ReadOnlySpan<byte> block = data.Slice(start, Math.Min(LargestStoredBlock, data.Length - start));
            start += block.Length;
            target[at] = start == data.Length ? (byte)1 : (byte)0;
            BinaryPrimitives.WriteUInt16LittleEndian(target.Slice(at + 1), (ushort)block.Length);
            BinaryPrimitives.WriteUInt16LittleEndian(target.Slice(at + 3), (ushort)~block.Length);
            block.CopyTo(target.Slice(at + 5));
            at += 5 + block.Length;
        }

        BinaryPrimitives.WriteUInt32BigEndian(target.Slice(at), Deflate.Adler32(data));
        return at + 4;
    }
}
