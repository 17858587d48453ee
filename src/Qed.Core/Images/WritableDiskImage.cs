using System;
using System.Threading;
using Qed.Units;

namespace Qed.Images;

/// <summary>A disk that can be written in place.</summary>
public abstract class WritableDiskImage : DiskImage
{
    private protected WritableDiskImage()
    {
    }

    /// <summary>Whether the image was opened for writing.</summary>
    public abstract bool CanWrite { get; }

    /// <summary>Writes guest bytes. They are on stable storage after the next <see cref="Flush"/>.</summary>
    /// <param name="offset">Bytes from the start of the disk; the whole range must lie within it.</param>
    /// <param name="buffer">The bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range does not lie within the disk.</exception>
    /// <exception cref="InvalidOperationException">The image was opened for reading.</exception>
    /// <exception cref="DiskImageException">NotEnoughSpace, ImageCorrupt, or the host failed.</exception>
    public void Write(long offset, ReadOnlySpan<byte> buffer) => Write(new GuestOffset(offset), buffer);

    /// <summary>Makes a range read as zeroes, using as little of the host's disk as the format allows.</summary>
    /// <param name="offset">Bytes from the start of the disk; the whole range must lie within it.</param>
    /// <param name="length">Bytes of the range.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range does not lie within the disk.</exception>
    /// <exception cref="InvalidOperationException">The image was opened for reading.</exception>
    /// <exception cref="DiskImageException">NotEnoughSpace, ImageCorrupt, or the host failed.</exception>
    public void WriteZeroes(long offset, long length) => WriteZeroes(new GuestOffset(offset), length);

    /// <summary>
    /// Gives the space of a range back, whose contents nobody needs any more. The range reads as zeroes afterwards, always and
    /// to the byte, also over a backing file: where its ends lie within a cluster that stays, zeroes are written there.
    /// </summary>
    /// <param name="offset">Bytes from the start of the disk; the whole range must lie within it.</param>
    /// <param name="length">Bytes of the range.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range does not lie within the disk.</exception>
    /// <exception cref="InvalidOperationException">The image was opened for reading.</exception>
    /// <exception cref="DiskImageException">NotEnoughSpace, ImageCorrupt, or the host failed.</exception>
    public void Discard(long offset, long length) => Discard(new GuestOffset(offset), length);

    /// <summary>Returns once all completed writes are on stable storage.</summary>
    /// <exception cref="InvalidOperationException">The image was opened for reading.</exception>
    /// <exception cref="DiskImageException">The host failed; what was written since the last flush may be lost.</exception>
    public abstract void Flush();

    /// <summary>Refuses, with nothing changed, a size that the disk cannot be given.</summary>
    /// <exception cref="DiskImageException">InvalidSize; NotEnoughSpace where the image lies on a device that is too small.</exception>
    internal abstract void RequireLegalSize(long size);

    /// <summary>Changes the size of the disk; what it grows by reads as zeroes.</summary>
    internal abstract void SetSize(long size, CancellationToken cancellation = default);

    internal abstract void Write(GuestOffset offset, ReadOnlySpan<byte> buffer);

    internal abstract void WriteZeroes(GuestOffset offset, long length);

    /// <summary>As <see cref="WriteZeroes(GuestOffset, long)"/>, where that is quicker than writing them would be.</summary>
    /// <returns>False, at once and with nothing changed, where it may not be.</returns>
    internal abstract bool TryWriteZeroesQuickly(GuestOffset offset, long length);

    /// <summary>As <see cref="TryWriteZeroesQuickly(GuestOffset, long)"/>.</summary>
    internal bool TryWriteZeroesQuickly(long offset, long length) => TryWriteZeroesQuickly(new GuestOffset(offset), length);

    internal void Discard(GuestOffset offset, long length) => WriteZeroes(offset, length);
}
