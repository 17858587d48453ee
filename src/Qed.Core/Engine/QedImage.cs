using System;
using System.Threading;
using Qed.Images;
using Qed.Layout;
using Qed.Space;
using Qed.Storage;
using Qed.Units;

namespace Qed.Engine;

/// <summary>
/// An open QED image. Threads may share it: independent reads and in-place writes run in parallel, and table changes
/// are batched until <see cref="Flush"/> or closing.
/// </summary>
/// <remarks>
/// Closing makes all completed writes durable. Opening resolves no backing file: OpenImage in Qed.Operations
/// opens an image together with its chain.
/// </remarks>
internal sealed class QedImage : WritableDiskImage
{
    private readonly BlockStorage _storage;
    private readonly HeaderKeeper _header;
    private readonly QedWriter? _writer;
    // Of an image that is only read nobody takes any place away.
    private readonly InFlight? _inFlight;
    private BackingReference? _backingReference;
    private BlockPlacement? _placement;
    private bool _disposed;

    private QedImage(BlockStorage storage, HeaderKeeper header, BackingReference? backing, QedOpenOptions options)
    {
        _storage = storage;
        _header = header;
        _backingReference = backing;
        Space = new ClusterSpace(storage, Geometry, mayHaveLeaks: header.Header.NeedsCheck);
        Map = new ClusterMap(storage, header.Header, Space, options.TableCacheBytes);
        if (!storage.CanWrite)
            return;
        if (options.Used is not null && (Space.NeedsScan || header.Header.NeedsCheck))
            Space.Learn(options.Used);
        _inFlight = new InFlight(Geometry);
        _writer = new QedWriter(this, storage, header, _inFlight, options);
    }

    /// <inheritdoc/>
    public override string Path => _storage.Path;

    /// <inheritdoc/>
    public override string Format => "qed";

    /// <inheritdoc/>
    public override long Length => Header.ImageSize;

    /// <inheritdoc/>
    public override bool CanWrite => _writer is not null;

    /// <inheritdoc/>
    internal override BackingReference? BackingReference => _backingReference;

    /// <summary>The header as it stands.</summary>
    public QedHeader Header => _header.Header;

    /// <summary>Cluster and table size.</summary>
    public QedGeometry Geometry => Header.Geometry;

    /// <inheritdoc/>
    internal override ImageDetails Details => HeaderDetails.Of(Header);

    internal ClusterMap Map { get; }

    internal ClusterSpace Space { get; }

    internal BlockStorage Storage => _storage;

    internal override BlockStorage ExtentStorage => _storage;

    internal override BlockPlacement PlacementAt(GuestOffset offset) => _placement ??= new BlockPlacement
    {
        Path = Path,
        GuestLength = Length,
        BlockSize = Geometry.ClusterSize,
        Unit = Geometry.ClusterSize,
        Structures = Map.Structures,
    };

    private QedWriter Writer
        => _disposed ? throw new ObjectDisposedException(Path)
            : _writer ?? throw new InvalidOperationException("The image was opened for reading.");

    /// <summary>Opens an image from its storage, which it owns from then on.</summary>
    /// <param name="storage">The image's file, opened for writing where the image is to be written.</param>
    /// <param name="options">How to open it.</param>
    /// <exception cref="DiskImageException">
    /// A broken rule of the header; for writing also ImageCorrupt where the image needs a check first.
    /// </exception>
    public static QedImage Open(BlockStorage storage, QedOpenOptions? options = null)
    {
        if (storage is null)
            throw new ArgumentNullException(nameof(storage));
        options ??= new QedOpenOptions();
        try
        {
            QedHeader header = QedHeaderReader.Read(storage);
            string? name = QedHeaderReader.ReadBackingName(storage, header);
            bool noProbe = (header.Features & QedFeatures.BackingFormatNoProbe) != 0;
            BackingReference? backing = name is null ? null : new BackingReference(name, noProbe ? BackingReference.RawName : null);
            var keeper = new HeaderKeeper(storage, header, options.NeedCheckVerified);
            if (options.ForWriting)
                PrepareForWriting(storage, keeper, options);
            return new QedImage(storage, keeper, backing, options);
        }
        catch
        {
            storage.Dispose();
            throw;
        }
    }

    /// <summary>Opens an image file alone, without its backing file.</summary>
    /// <exception cref="DiskImageException">As <see cref="Open(BlockStorage, QedOpenOptions?)"/>, and ImageNotFound, AccessDenied, ImageInUse.</exception>
    public static QedImage Open(string path, QedOpenOptions? options = null)
        => Open(HostFile.Open(path, options is { ForWriting: true } ? StorageAccess.Write : StorageAccess.Read), options);

    /// <inheritdoc/>
    internal override void Write(GuestOffset offset, ReadOnlySpan<byte> buffer)
    {
        RequireInside(offset, buffer.Length);
        Writer.Write(offset, buffer);
    }

    /// <inheritdoc/>
    internal override void WriteZeroes(GuestOffset offset, long length)
    {
        RequireInside(offset, length);
        Writer.WriteZeroes(offset, length, evenWithoutBacking: false);
    }

    /// <inheritdoc/>
    internal override bool TryWriteZeroesQuickly(GuestOffset offset, long length)
    {
        RequireInside(offset, length);
        return Writer.TryWriteZeroesQuickly(offset, length);
    }

    /// <inheritdoc/>
    public override void Flush() => Writer.Commit();

    /// <summary>Changes the size of the guest's disk. Space of dropped clusters stays in the file until it is reclaimed.</summary>
    internal override void SetSize(long size, CancellationToken cancellation = default)
    {
        using InFlight.Hold hold = Writer.HoldAll(willAllocate: true);
        new ImageSizeChange(this, Writer, _header, cancellation).Apply(size);
    }

    /// <inheritdoc/>
    internal override void RequireLegalSize(long size) => ImageSizeChange.RequireLegal(this, size);

    /// <summary>Clears table entries that map guest bytes beyond the end of the disk, as a crash in a shrink leaves them.</summary>
    internal void DropBeyondEnd()
    {
        using InFlight.Hold hold = Writer.HoldAll(willAllocate: false);
        new ImageSizeChange(this, Writer, _header).DropBeyondEnd();
    }

    /// <summary>Drops all that the image itself says about its disk, which then shows what lies beneath. The space stays in the file until it is reclaimed.</summary>
    internal void Empty(CancellationToken cancellation = default)
    {
        using InFlight.Hold hold = Writer.HoldAll(willAllocate: false);
        new ImageSizeChange(this, Writer, _header, cancellation).DropAll();
    }

    /// <summary>Replaces the backing file name, or removes it; nothing else changes.</summary>
    internal void SetBackingName(BackingReference? backing)
    {
        using InFlight.Hold hold = Writer.HoldAll(willAllocate: false);
        Writer.Commit();
        new BackingNameChange(_storage, _header).Apply(backing);
        _backingReference = backing;
    }

    /// <summary>
    /// Writes what a range shows from beneath where the image itself still says nothing about it. Requests may go on
    /// meanwhile: what one of them has written, or dropped, stays as it is.
    /// </summary>
    /// <param name="offset">Guest offset, cluster-aligned.</param>
    /// <param name="shown">What the range shows from beneath: whole clusters, or all to the end of the disk.</param>
    internal void CopyUp(GuestOffset offset, ReadOnlySpan<byte> shown)
    {
        RequireInside(offset, shown.Length);
        Writer.CopyUp(offset, shown);
    }

    /// <summary>
    /// Takes the backing file's name away, durably, and closes the backing file, once it has nothing to say that the image
    /// does not say itself. Requests may go on meanwhile.
    /// </summary>
    internal void LetGoOfBacking()
    {
        BackingLink? backing;
        using (Writer.HoldAll(willAllocate: false))
        {
            Writer.Commit();
            new BackingNameChange(_storage, _header).Apply(backing: null);
            _backingReference = null;
            backing = UnlinkBacking();
        }

        backing?.AwaitUnused();
        backing?.Image.Dispose();
    }

    /// <summary>Marks clusters as zero that have no data, so that a backing file added later does not show through.</summary>
    internal void MarkZero(GuestOffset offset, long length)
    {
        RequireInside(offset, length);
        Writer.WriteZeroes(offset, length, evenWithoutBacking: true);
    }

    /// <summary>Clears what does not outlive a change, before the first one.</summary>
    internal void BeforeChange() => _header.BeforeChange();

    /// <summary>Marks the image as being changed until it is closed, for work whose allocations a crash would turn into leaks that nobody hears of.</summary>
    internal void MarkUnderWork() => Writer.MarkUnderWork();

    /// <summary>
    /// Lets clusters be moved beneath the open image, while all requests wait; if that fails half-way the NEED_CHECK mark stays.
    /// </summary>
    internal long Rearrange(Func<BlockStorage, long> change)
    {
        using InFlight.Hold hold = Writer.HoldAll(willAllocate: false);
        Space.Forget();
        Writer.Commit();
        Space.CutAhead();
        _header.BeforeChange();
        _header.SetNeedCheck();
        try
        {
            long moved = change(_storage);
            Space.NoteReclaimed();
            return moved;
        }
        catch
        {
            _header.KeepNeedCheck();
            throw;
        }
        finally
        {
            // The L1 table may have moved as well.
            _header.Reload();
            Space.Reload();
            Map.Reload(Header);
        }
    }

    internal DiskImage? BackingForWriting() => RequireBackingIfNamed();

    /// <inheritdoc/>
    private protected override Extent FindExtent(GuestOffset offset, long maximum)
    {
        MappedRun first = FindShared(offset, maximum);
        long length = first.Length;
        var budget = default(LookupBudget);
        while (length < maximum && budget.TrySpend() && Map.IsPageBoundary(offset + length))
        {
            // Runs end at each page of a table; what continues beyond is the same extent.
            MappedRun next = FindShared(offset + length, maximum - length);
            ulong expected = first.Kind == ExtentKind.Data ? first.Entry + (ulong)length : first.Entry;
            if (next.Entry != expected)
                break;
            length += next.Length;
        }

        return new Extent(offset, length, first.Kind, first.Kind == ExtentKind.Data ? first.HostOffset : null);
    }

    /// <inheritdoc/>
    private protected override int ReadRun(GuestOffset offset, Span<byte> buffer)
    {
        // Before the run is looked up: an entry that says nothing is one for what lies beneath just now.
        using BackingLink.Hold beneath = HoldBacking();
        MappedRun run = ReadOwn(offset, buffer);
        // Without a hold of its part of the disk: it has no place in the file, and reading what lies beneath may take long.
        if (run.Kind != ExtentKind.Data)
            ReadBeneath(run.Kind == ExtentKind.Unallocated ? beneath.Image ?? RequireBackingIfNamed() : null, offset, buffer.Slice(0, (int)run.Length));
        return (int)run.Length;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (!disposing || _disposed)
            return;
        try
        {
            _writer?.Close();
        }
        finally
        {
            _disposed = true;
            _writer?.Dispose();
            _storage.Dispose();
            base.Dispose(disposing);
        }
    }

    private static void PrepareForWriting(BlockStorage storage, HeaderKeeper keeper, QedOpenOptions options)
    {
        if (!storage.CanWrite)
            throw new InvalidOperationException("The storage was opened for reading.");
        QedHeader header = keeper.Header;
        if (header.NeedsCheck && !options.NeedCheckVerified)
        {
            throw new DiskImageException(ErrorKind.ImageCorrupt, "the image was not closed cleanly and must be checked before it is written", storage.Path)
            {
                Structure = "header field features",
                Offset = 16,
                Value = (ulong)header.Features,
                Remedy = new(RemedyKind.ListDamage),
            };
        }

        if (header.RepairMark is { IsUnfinished: true } && !options.NeedCheckVerified)
        {
            throw new DiskImageException(ErrorKind.ImageCorrupt, "a repair of the image, or undoing one, has begun and not ended, so it is not written", storage.Path)
            {
                Structure = "header field autoclear_features",
                Offset = QedHeader.AutoclearOffset,
                Value = header.AutoclearFeatures,
                Remedy = new(RemedyKind.FinishRepair),
            };
        }

        if (!options.MayRefuse)
            keeper.BeforeChange();
    }

    /// <summary>Looks a run up; nobody takes its place away, and cuts it off the file, before it is known to lie in that.</summary>
    internal MappedRun FindShared(GuestOffset offset, long maximum)
    {
        using InFlight.Hold hold = _inFlight?.Share(offset) ?? default;
        return Map.Find(offset, maximum);
    }

    /// <summary>Looks a run up and reads it where it has data; nobody takes its place away meanwhile.</summary>
    private MappedRun ReadOwn(GuestOffset offset, Span<byte> buffer)
    {
        using InFlight.Hold hold = _inFlight?.Share(offset) ?? default;
        MappedRun run = Map.Find(offset, buffer.Length);
        if (run.Kind == ExtentKind.Data)
            ReadCluster(run.HostOffset, buffer.Slice(0, (int)run.Length));
        return run;
    }

    private void ReadCluster(HostOffset offset, Span<byte> buffer)
    {
        if (_storage.Read(offset.Value, buffer) == buffer.Length)
            return;
        throw new DiskImageException(ErrorKind.ImageCorrupt, "a data cluster is cut off by the end of the file", Path)
        {
            Structure = "data cluster",
            Offset = offset.Value,
            Remedy = new(RemedyKind.ListDamage),
        };
    }
}
