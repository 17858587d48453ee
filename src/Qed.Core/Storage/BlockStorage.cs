using System;
using System.Buffers;

namespace Qed.Storage;

/// <summary>
/// The bytes of a host file or block device, or of what stands for one. Every call names its own offset, so threads may
/// share one. What only some storages can do is a capability: see <see cref="StorageCapabilities"/>.
/// </summary>
internal abstract class BlockStorage : IDisposable
{
    private const int ZeroChunk = 1 << 20;

    // A device does not return before it has zeroed a range, while so few zeroes are soon written to the cache.
    private const int LeastZeroedByDevice = 1 << 20;

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

    /// <summary>Returns once all completed writes are on stable storage.</summary>
    public abstract void Flush();

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
        bool isWorthPunching = !HasFixedLength || length >= LeastZeroedByDevice;
        if (length <= 0 || (isWorthPunching && this.TryPunch(offset, length)))
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
