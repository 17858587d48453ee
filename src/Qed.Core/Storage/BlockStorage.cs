using Qed.Bits;
using System;
using System.Buffers;

namespace Qed.Storage;

/// <summary>The bytes of a host file or block device. Every call names its own offset, so threads may share one.</summary>
public abstract class BlockStorage : IDisposable
{
    private const int ZeroChunk = 1 << 20;

    /// <summary>The name that errors give, normally the full path.</summary>
    public abstract string Path { get; }

    /// <summary>Whether the storage was opened for writing.</summary>
    public abstract bool CanWrite { get; }

    /// <summary>Length in bytes, asked anew from the system at each call.</summary>
    public abstract long Length { get; }

    /// <summary>Whether the length cannot change, as that of a block device: an image on it may end before it does.</summary>
    internal virtual bool HasFixedLength => false;

    /// <summary>Reads at an offset until the buffer is full or the storage ends.</summary>
    /// <param name="offset">Byte offset, not negative; may lie beyond the end.</param>
    /// <param name="buffer">Receives the bytes.</param>
    /// <returns>The number of bytes read; fewer than asked only at the end of the storage.</returns>
    /// <exception cref="DiskImageException">The system refused or failed the read.</exception>
    public abstract int Read(long offset, Span<byte> buffer);

    /// <summary>Writes all bytes at an offset; the storage grows where it can and must.</summary>
    /// <exception cref="DiskImageException">NotEnoughSpace, or the system refused or failed the write.</exception>
    public abstract void Write(long offset, ReadOnlySpan<byte> buffer);

    /// <summary>Cuts or extends the storage; what is added reads as zeroes.</summary>
    public abstract void SetLength(long length);

    /// <summary>Returns once all completed writes are on stable storage.</summary>
    public abstract void Flush();

    /// <summary>The run of data or hole that holds <paramref name="offset"/>, from that offset on.</summary>
    /// <param name="offset">Byte offset, below <see cref="Length"/>.</param>
    /// <returns>At least one byte; all data where the host does not tell.</returns>
    public virtual StorageExtent NextExtent(long offset) => new(offset, Math.Max(1, Length - offset), IsHole: false);

    /// <summary>Whether the host tells that it holds no blocks for a range, without finding out where the data around it ends.</summary>
    public virtual bool IsHole(long offset, long length) => NextExtent(offset) is { IsHole: true } hole && hole.End >= offset + length;

    /// <summary>Makes a range read as zeroes and frees its blocks, without changing the length.</summary>
    /// <returns>False, with nothing changed, where the host cannot.</returns>
    public virtual bool TryPunch(long offset, long length) => false;

    /// <summary>Lets a range share the blocks of a range of another file, which reads alike afterwards and takes no further space.</summary>
    /// <param name="source">The other file.</param>
    /// <param name="from">Where its range starts.</param>
    /// <param name="to">Where the range of this storage starts.</param>
    /// <param name="length">Bytes of both.</param>
    /// <returns>False, with nothing shared, where the host cannot.</returns>
    internal virtual bool TryClone(BlockStorage source, long from, long to, long length) => false;

    /// <summary>Takes disk space for a range that is about to be written whole, so that it lies in one piece.</summary>
    /// <remarks>Only a hint: where it fails the writes themselves find the space, or report that there is none.</remarks>
    internal virtual void Preallocate(long offset, long length)
    {
    }

    /// <summary>Gives every hole of a file its disk space (Windows), for formats that the system attaches only from files without.</summary>
    internal virtual void ClearSparse()
    {
    }

    /// <summary>Tells that a range will be written soon, for storages that save what stands there first.</summary>
    public virtual void Announce(long offset, long length)
    {
    }

    /// <summary>A number that changes when somebody writes the storage, such as a time stamp; null where the host does not tell.</summary>
    internal virtual long? WriteStamp => null;

    /// <summary>Copies a range to another that it does not overlap; what lies beyond the end reads as zeroes.</summary>
    /// <param name="from">Where it lies.</param>
    /// <param name="to">Where the copy goes.</param>
    /// <param name="length">How many bytes, at most a mebibyte.</param>
    internal virtual void CopyWithin(long from, long to, int length)
    {
        byte[] rented = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            Span<byte> bytes = rented.AsSpan(0, length);
            ReadOrZero(from, bytes);
            if (ZeroScan.IsZero(bytes))
                WriteZeroes(to, length);
            else
                Write(to, bytes);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    /// <summary>Releases the storage. Closing flushes nothing: call <see cref="Flush"/> first where that matters.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Reads at an offset; what lies beyond the end of the storage reads as zeroes.</summary>
    public void ReadOrZero(long offset, Span<byte> buffer)
    {
        int read = Read(offset, buffer);
        buffer.Slice(read).Clear();
    }

    /// <summary>Reads a range that was found to lie within the storage.</summary>
    /// <exception cref="DiskImageException">ImageCorrupt: the storage has become shorter since.</exception>
    internal void ReadWhole(long offset, Span<byte> buffer)
    {
        int read = Read(offset, buffer);
        if (read < buffer.Length)
            throw StorageErrors.BecameShorter(Path, offset + read);
    }

    /// <summary>Makes a range read as zeroes: by freeing its blocks where the host can, else by writing.</summary>
    public void WriteZeroes(long offset, long length)
    {
        if (length <= 0 || TryPunch(offset, length))
            return;
        byte[] zeroes = ArrayPool<byte>.Shared.Rent((int)Math.Min(ZeroChunk, length));
        try
        {
            Array.Clear(zeroes, 0, zeroes.Length);
            while (length > 0)
            {
                int part = (int)Math.Min(zeroes.Length, length);
                Write(offset, zeroes.AsSpan(0, part));
                offset += part;
                length -= part;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(zeroes);
        }
    }

    /// <summary>Releases what the storage holds.</summary>
    protected abstract void Dispose(bool disposing);
}
