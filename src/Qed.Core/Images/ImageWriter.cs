using System;
using Qed.Storage;
using Qed.Units;

namespace Qed.Images;

/// <summary>
/// Fills a fresh image, for conversions: data in any order and from several threads, tables laid out in memory and
/// written once at the end, the header last. What is never written reads as zeroes, or from the backing file.
/// </summary>
internal abstract class ImageWriter : IDisposable
{
    /// <summary>Bytes that it is worth writing or leaving out as a whole; a power of two, at least 4096.</summary>
    public abstract int Grain { get; }

    /// <summary>Reserves host space for a range, so that ranges reserved in guest order lie in guest order on the host.</summary>
    /// <remarks>Called by one thread at a time, in guest order, before the range is written.</remarks>
    public abstract void Reserve(GuestOffset offset, long length);

    /// <summary>Writes guest bytes of a range that was reserved.</summary>
    public abstract void Write(GuestOffset offset, ReadOnlySpan<byte> buffer);

    /// <summary>Makes a range read as zeroes where a backing file would show through. Called in guest order like <see cref="Reserve(GuestOffset, long)"/>.</summary>
    public abstract void WriteZeroes(GuestOffset offset, long length);

    /// <summary>Lets a range that was reserved share the blocks of a file that holds its bytes, instead of writing them.</summary>
    /// <param name="offset">Guest offset of the range.</param>
    /// <param name="source">The file that holds the bytes.</param>
    /// <param name="from">Where they start there.</param>
    /// <param name="length">Bytes of the range.</param>
    /// <returns>False where the host or the format cannot; the range, of which a part may be shared, is then to be written.</returns>
    internal virtual bool TryClone(GuestOffset offset, BlockStorage source, HostOffset from, long length) => false;

    /// <summary>Encodes guest bytes before their place is known, for formats that store them in another form. Called from several threads.</summary>
    /// <returns>Null where the bytes are stored as they are.</returns>
    internal virtual EncodedPiece? Encode(GuestOffset offset, ReadOnlySpan<byte> buffer) => null;

    /// <summary>Reserves host space for an encoded piece; called in guest order like <see cref="Reserve(GuestOffset, long)"/>.</summary>
    internal virtual void Reserve(EncodedPiece piece) => throw new NotSupportedException();

    /// <summary>Writes an encoded piece that was reserved.</summary>
    internal virtual void Write(EncodedPiece piece) => throw new NotSupportedException();

    /// <summary>Writes the tables and the header and flushes; the image is whole from here on.</summary>
    public abstract void Complete();

    /// <summary>Releases what the writer holds.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases what the writer holds.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }
}
