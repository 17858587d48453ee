using System;
using Qed.Units;

namespace Qed.Images;

/// <summary>A disk that can be written in place.</summary>
public abstract class WritableDiskImage : DiskImage
{
    /// <summary>Whether the image was opened for writing.</summary>
    public abstract bool CanWrite { get; }

    /// <summary>Writes guest bytes. They are on stable storage after the next <see cref="Flush"/>.</summary>
    /// <param name="offset">Guest offset; the whole range must lie within the disk.</param>
    /// <param name="buffer">The bytes.</param>
    /// <exception cref="InvalidOperationException">The image was opened for reading.</exception>
    /// <exception cref="DiskImageException">NotEnoughSpace, ImageCorrupt, or the host failed.</exception>
    public abstract void Write(GuestOffset offset, ReadOnlySpan<byte> buffer);

    /// <summary>Makes a range read as zeroes, using as little of the host's disk as the format allows.</summary>
    public abstract void WriteZeroes(GuestOffset offset, long length);

    /// <summary>Returns once all completed writes are on stable storage.</summary>
    public abstract void Flush();
}
