using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using Qed.Storage;
using Qed.Units;

namespace Qed.Images;

/// <summary>A disk as its guest sees it, whatever format holds it. Calls name their own offsets; threads may share one image.</summary>
public abstract class DiskImage : IDisposable
{
    private BackingLink? _backing;

    private protected DiskImage()
    {
    }

    /// <summary>The path of the image's own file.</summary>
    public abstract string Path { get; }

    /// <summary>
    /// The paths of the files that belong to this image and that it has open, its own one first; none of a backing image's.
    /// </summary>
    public virtual IReadOnlyList<string> Files => [Path];

    /// <summary>The short name of the format, as qemu-img writes it: "qed", "raw".</summary>
    public abstract string Format { get; }

    /// <summary>Whether the image's file is the guest's bytes and nothing else.</summary>
    internal bool IsRaw => Format == BackingReference.RawName;

    /// <summary>Bytes of the guest's disk.</summary>
    public abstract long Length { get; }

    /// <summary>What the image's own file says about its backing file; null where it has none.</summary>
    internal virtual BackingReference? BackingReference => null;

    /// <summary>The image that unallocated extents are read from; null where there is none or it was not opened.</summary>
    internal DiskImage? Backing => Volatile.Read(ref _backing)?.Image;

    /// <summary>Whether the disk can be read only once, from its first byte to its last, as one that comes through a pipe.</summary>
    internal virtual bool IsSequential => false;

    /// <summary>The file that the host offsets of the image's extents count in; null where there is no single one.</summary>
    internal virtual BlockStorage? ExtentStorage => null;

    /// <summary>How the blocks around a guest offset lie in their file; null where places are no question, as of a raw disk.</summary>
    /// <returns>The same object for all blocks of one file.</returns>
    internal virtual BlockPlacement? PlacementAt(GuestOffset offset) => null;

    /// <summary>What the format has to say about itself, from the file's own header.</summary>
    internal virtual ImageDetails Details { get; } = new();

    /// <summary>Reads guest bytes, through the backing chain where this image says nothing.</summary>
    /// <param name="offset">Bytes from the start of the disk; the whole range must lie within <see cref="Length"/>.</param>
    /// <param name="buffer">Filled whole.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range does not lie within the disk.</exception>
    /// <exception cref="DiskImageException">The image is damaged there, its backing file was not opened, or the host failed.</exception>
    public void Read(long offset, Span<byte> buffer) => Read(new GuestOffset(offset), buffer);

    /// <summary>
    /// Walks what a range consists of, through the backing chain, in order and without gaps; neighbours may be alike. Only
    /// tables are read.
    /// </summary>
    /// <param name="offset">Bytes from the start of the disk; the whole range must lie within <see cref="Length"/>.</param>
    /// <param name="length">Bytes of the range.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range does not lie within the disk.</exception>
    /// <exception cref="DiskImageException">While enumerating: an image of the chain is damaged there, or the host failed.</exception>
    public IEnumerable<MappedExtent> GetExtents(long offset, long length)
    {
        RequireInside(new GuestOffset(offset), length);
        return GetChainExtents(new GuestOffset(offset), length).Select(extent => extent.Mapped);
    }

    /// <summary>The disk as a stream of fixed length, whose position belongs to one thread. Closing it leaves the image open.</summary>
    public Stream AsStream() => new DiskImageStream(this, leaveOpen: true);

    /// <summary>As <see cref="Read(long, Span{byte})"/>.</summary>
    internal void Read(GuestOffset offset, Span<byte> buffer)
    {
        RequireInside(offset, buffer.Length);
        while (!buffer.IsEmpty)
        {
            int count = ReadRun(offset, buffer);
            buffer = buffer.Slice(count);
            offset += count;
        }
    }

    /// <summary>What this image alone says about the run that starts at an offset.</summary>
    /// <param name="offset">Guest offset, below <see cref="Length"/>.</param>
    /// <param name="maximum">The longest run that is of interest, in bytes, at least 1.</param>
    /// <returns>
    /// A run of one kind from <paramref name="offset"/> on, no longer than asked nor than the disk. The work of one call is
    /// bounded whatever the tables say, so what follows may be more of the same.
    /// </returns>
    /// <exception cref="ArgumentOutOfRangeException">The offset does not lie within the disk.</exception>
    internal Extent GetExtent(GuestOffset offset, long maximum)
    {
        maximum = Math.Min(maximum, Length - offset.Value);
        RequireInside(offset, Math.Max(1, maximum));
        return FindExtent(offset, maximum);
    }

    /// <summary>Walks what this image alone says about a range, in order and without gaps; neighbours may be alike.</summary>
    internal virtual IEnumerable<Extent> GetExtents(GuestOffset offset, long length)
    {
        GuestOffset end = offset + length;
        while (offset < end)
        {
            Extent extent = GetExtent(offset, end - offset);
            yield return extent;
            offset = extent.End;
        }
    }

    /// <summary>Walks what the whole chain says about a range, in order and without gaps; neighbours may be alike.</summary>
    internal IEnumerable<ChainExtent> GetChainExtents(GuestOffset offset, long length) => ChainWalk.Over(this, offset, length);

    /// <summary>As <see cref="GetChainExtents"/>, without looking into an image of the chain: runs that are left to it are unallocated, and it is their holder.</summary>
    internal IEnumerable<ChainExtent> GetExtentsAbove(DiskImage image, GuestOffset offset, long length) => ChainWalk.Over(this, offset, length, stop: image);

    /// <summary>Reads guest bytes of a range that may reach past the end of the disk, where it is zeroes.</summary>
    internal void ReadOrZero(GuestOffset offset, Span<byte> buffer)
    {
        int inside = (int)BytesInside(offset, buffer.Length);
        if (inside > 0)
            Read(offset, buffer.Slice(0, inside));
        buffer.Slice(inside).Clear();
    }

    /// <summary>Has the host begin to read the data of a range that is soon read, and returns before it has; only tables are waited for.</summary>
    /// <returns>False where it cannot, or not all of it.</returns>
    /// <exception cref="DiskImageException">As of <see cref="Read(long, Span{byte})"/>.</exception>
    internal bool TryReadAhead(long offset, long length) => TryReadAhead(new GuestOffset(offset), length);

    /// <summary>As <see cref="TryReadAhead(long, long)"/>.</summary>
    internal virtual bool TryReadAhead(GuestOffset offset, long length)
    {
        // Looked at before the entries are, as what lies beneath may be let go of meanwhile.
        using BackingLink.Hold beneath = HoldBacking();
        for (GuestOffset end = offset + length; offset < end;)
        {
            Extent extent = GetExtent(offset, end - offset);
            (DiskImage? below, long reached) = Beneath(extent, beneath.Image);
            bool isBegun = extent.Kind == ExtentKind.Data
                ? extent is { HostOffset: { } place, IsCompressed: false } && ExtentStorage.TryReadAhead(place.Value, extent.Length)
                : reached == 0 || below!.TryReadAhead(offset, reached);
            if (!isBegun)
                return false;
            offset = extent.End;
        }

        return true;
    }

    /// <summary>Whether a range has no data anywhere in the chain, as far as one look at each image's tables tells.</summary>
    /// <exception cref="DiskImageException">As of <see cref="Read(long, Span{byte})"/>.</exception>
    internal bool IsHole(long offset, long length) => IsHole(new GuestOffset(offset), length);

    /// <summary>As <see cref="IsHole(long, long)"/>.</summary>
    private protected virtual bool IsHole(GuestOffset offset, long length)
    {
        using BackingLink.Hold beneath = HoldBacking();
        Extent extent = GetExtent(offset, length);
        if (extent.Kind == ExtentKind.Data || extent.Length < length)
            return false;
        (DiskImage? below, long reached) = Beneath(extent, beneath.Image);
        return reached == 0 || below!.IsHole(offset, reached);
    }

    /// <summary>How many bytes of a range the disk holds; what lies past its end is zeroes.</summary>
    internal long BytesInside(GuestOffset offset, long length) => Math.Max(0, Math.Min(length, Length - offset.Value));

    /// <summary>Closes the image, and the backing chain that was opened with it.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Gives the image the opened backing image that its unallocated extents are read from, and that it will close.</summary>
    /// <returns>The backing image that this one replaces, which the caller now owns.</returns>
    internal DiskImage? AttachBacking(DiskImage? backing)
    {
        DiskImage? previous = Backing;
        Volatile.Write(ref _backing, backing is null ? null : new BackingLink(backing));
        return previous;
    }

    /// <summary>The backing image, which stays open until that is disposed, also where it is let go of meanwhile.</summary>
    internal BackingLink.Hold HoldBacking() => BackingLink.Take(ref _backing);

    /// <summary>Takes the backing image away that has nothing to say any more. It may be in use still.</summary>
    private protected BackingLink? UnlinkBacking() => Interlocked.Exchange(ref _backing, null);

    /// <summary>Called before a backing image is attached that was found by name; formats that store more than a name compare it here.</summary>
    /// <param name="backing">The candidate.</param>
    /// <returns>A warning for the user; null where all is well.</returns>
    /// <exception cref="DiskImageException">ImageCorrupt where it is not the image that this one was made on.</exception>
    internal virtual string? CheckBacking(DiskImage backing) => null;

    /// <summary>The backing image, null where the image names none.</summary>
    /// <exception cref="DiskImageException">BackingFileMissing: the image names one that was not opened with it.</exception>
    internal DiskImage? RequireBackingIfNamed()
    {
        if (Backing is null && BackingReference is { } reference)
        {
            throw new DiskImageException(
                ErrorKind.BackingFileMissing, $"the backing file '{reference.Name}' is needed, but the image was opened without it", Path);
        }

        return Backing;
    }

    /// <summary>What shows where this image says nothing: the backing image as far as that reaches, and behind it zeroes.</summary>
    /// <param name="offset">Guest offset of an unallocated run.</param>
    /// <param name="length">Bytes of the run.</param>
    /// <returns>The backing image and how many bytes of the run come from it; none where there is no such image.</returns>
    /// <exception cref="DiskImageException">BackingFileMissing: the image names one that was not opened with it.</exception>
    internal (DiskImage? Backing, long Length) Beneath(GuestOffset offset, long length) => Beneath(RequireBackingIfNamed(), offset, length);

    /// <summary>As <see cref="Beneath(GuestOffset, long)"/>, of a run of any kind: nothing lies beneath what the image itself says something about.</summary>
    /// <param name="run">What this image alone says.</param>
    /// <param name="held">The backing image, where the caller holds it.</param>
    /// <exception cref="DiskImageException">BackingFileMissing: the image names one that was not opened with it.</exception>
    internal (DiskImage? Backing, long Length) Beneath(in Extent run, DiskImage? held)
        => run.Kind == ExtentKind.Unallocated ? Beneath(held ?? RequireBackingIfNamed(), run.Offset, run.Length) : default;

    /// <summary>As <see cref="Beneath(GuestOffset, long)"/>, of a backing image that the caller holds.</summary>
    internal static (DiskImage? Backing, long Length) Beneath(DiskImage? backing, GuestOffset offset, long length)
        => (backing, backing?.BytesInside(offset, length) ?? 0);

    /// <summary>Reads what an extent without data of its own shows: see <see cref="Beneath(GuestOffset, long)"/>.</summary>
    /// <exception cref="DiskImageException">BackingFileMissing: the image names one that was not opened with it.</exception>
    private protected void ReadBeneath(GuestOffset offset, ExtentKind kind, Span<byte> buffer)
        => ReadBeneath(kind == ExtentKind.Unallocated ? RequireBackingIfNamed() : null, offset, buffer);

    /// <summary>Reads what a run without data of its own shows through a backing image that the caller holds; zeroes where there is none.</summary>
    private protected static void ReadBeneath(DiskImage? backing, GuestOffset offset, Span<byte> buffer)
    {
        long reached = Beneath(backing, offset, buffer.Length).Length;
        if (reached > 0)
            backing!.Read(offset, buffer.Slice(0, (int)reached));
        buffer.Slice((int)reached).Clear();
    }

    /// <summary>What this image alone says about the run that starts at an offset.</summary>
    /// <param name="offset">Guest offset.</param>
    /// <param name="maximum">The longest run that is of interest, at least 1 and within the disk.</param>
    private protected abstract Extent FindExtent(GuestOffset offset, long maximum);

    /// <summary>Reads the run of bytes, held in one way, that starts at an offset, or as much of it as is wanted.</summary>
    /// <param name="offset">Guest offset.</param>
    /// <param name="buffer">Filled from its start; not empty, and within the disk.</param>
    /// <returns>How many bytes of the buffer were filled, at least 1.</returns>
    private protected abstract int ReadRun(GuestOffset offset, Span<byte> buffer);

    /// <summary>Throws unless a range lies within the disk.</summary>
    private protected void RequireInside(GuestOffset offset, long length)
    {
        if (offset.Value < 0 || length < 0 || offset.Value > Length - length)
            throw new ArgumentOutOfRangeException(nameof(offset), offset.Value, "The range does not lie within the guest's disk.");
    }

    /// <summary>Releases what the image holds.</summary>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing)
            Backing?.Dispose();
    }
}
