using System;

namespace Qed.Storage;

/// <summary>Reads and writes any bytes of a device that takes whole sectors only, from memory that is aligned to them (Windows).</summary>
/// <param name="sectorSize">Bytes of a sector, a power of two.</param>
/// <param name="read">Reads whole sectors.</param>
/// <param name="write">Writes whole sectors.</param>
internal sealed unsafe class SectorIo(int sectorSize, SectorIo.ReadAt read, SectorIo.WriteAt write)
{
    private const int LargestPiece = 1 << 20;

    // What shares a sector with others' bytes is read, changed and written by one at a time.
    private readonly object _partial = new();

    internal delegate int ReadAt(long offset, Span<byte> buffer);

    internal delegate void WriteAt(long offset, ReadOnlySpan<byte> buffer);

    internal int SectorSize => sectorSize;

    /// <summary>Reads until the buffer is full or the device, whose length is one of whole sectors, ends.</summary>
    internal int Read(long offset, Span<byte> buffer)
    {
        if (IsAligned(offset, buffer))
            return read(offset, buffer);
        using var aligned = new AlignedBuffer();
        int done = 0;
        while (done < buffer.Length)
        {
            long start = Down(offset + done);
            int skipped = (int)(offset + done - start);
            int length = (int)Math.Min(LargestPiece, Up(skipped + buffer.Length - done));
            Span<byte> sectors = aligned.Take(length);
            int found = Math.Min(read(start, sectors) - skipped, buffer.Length - done);
            if (found <= 0)
                break;
            sectors.Slice(skipped, found).CopyTo(buffer.Slice(done));
            done += found;
        }

        return done;
    }

    internal void Write(long offset, ReadOnlySpan<byte> buffer)
    {
        if (IsAligned(offset, buffer))
        {
            write(offset, buffer);
            return;
        }

        using var aligned = new AlignedBuffer();
        while (!buffer.IsEmpty)
        {
            long start = Down(offset);
            int skipped = (int)(offset - start);
            int part = Math.Min(buffer.Length, LargestPiece - skipped);
            Span<byte> sectors = aligned.Take((int)Up(skipped + part));
            if (part == sectors.Length)
            {
                buffer.Slice(0, part).CopyTo(sectors);
                write(start, sectors);
            }
            else
            {
                WritePart(start, sectors, skipped, buffer.Slice(0, part));
            }

            buffer = buffer.Slice(part);
            offset += part;
        }
    }

    private void WritePart(long start, Span<byte> sectors, int skipped, ReadOnlySpan<byte> bytes)
    {
        lock (_partial)
        {
            int found = read(start, sectors);
            sectors.Slice(found).Clear();
            bytes.CopyTo(sectors.Slice(skipped));
            write(start, sectors);
        }
    }

    private bool IsAligned(long offset, ReadOnlySpan<byte> buffer)
    {
        fixed (byte* start = buffer)
            return (((ulong)start | (ulong)offset | (uint)buffer.Length) & (ulong)(sectorSize - 1)) == 0;
    }

    private long Down(long offset) => offset & -sectorSize;

    private long Up(long offset) => (offset + sectorSize - 1) & -sectorSize;
}
