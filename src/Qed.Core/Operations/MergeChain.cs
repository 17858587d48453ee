using System;
using System.Collections.Generic;
using System.Threading;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Chains;
using Qed.Formats;
using Qed.Images;
using Qed.Storage;

namespace Qed.Operations;

/// <summary>The opened chain of a merge: nobody else writes any of its images, nor uses one that is to change.</summary>
internal sealed class MergeChain : IDisposable
{
    private readonly MergeLinks _links;
    private readonly bool _isRehearsal;
    private readonly IProgress<OperationProgress>? _progress;
    private readonly ILogger _logger;
    private readonly CancellationToken _cancellation;
    private WritableDiskImage? _destination;

    private MergeChain(MergeLinks links, bool isRehearsal, IProgress<OperationProgress>? progress, ILogger logger, CancellationToken cancellation)
    {
        _links = links;
        _isRehearsal = isRehearsal;
        _progress = progress;
        _logger = logger;
        _cancellation = cancellation;
        Top = OpenTop(out FileIdentity identity);
        try
        {
            AttachAll(identity);
        }
        catch
        {
            Top.Dispose();
            throw;
        }
    }

    /// <summary>The image that is merged, which reads through all others and closes them.</summary>
    internal DiskImage Top { get; }

    /// <summary>The same, where it is to be emptied.</summary>
    internal ImageForChange? Overlay { get; private set; }

    /// <summary>The image that it is merged into.</summary>
    internal WritableDiskImage Destination => _destination!;

    /// <summary>The same, where it is a QED image.</summary>
    internal ImageForChange? QedDestination { get; private set; }

    /// <summary>Bytes that the destination's disk is to have.</summary>
    internal long Size => Math.Max(Destination.Length, FormatRegistry.ByName(Destination.Format).PaddedSize(Top.Length, Subformat.Dynamic));

    private ChangeNeeds Needs => new() { WithBacking = false, MustBeSound = true, IsRehearsal = _isRehearsal };

    private StorageAccess Access => _links.Fate == MergedOverlay.Deleted && !_isRehearsal ? StorageAccess.Write : StorageAccess.Read;

    /// <summary>Opens the images and refuses what they cannot be used for; nothing is written.</summary>
    /// <param name="links">The images.</param>
    /// <param name="isRehearsal">Whether nothing will be written, so that others may read all of them.</param>
    /// <param name="progress">Told how far the checks of the images are that will change.</param>
    /// <param name="logger">Receives warnings.</param>
    /// <param name="cancellation">Ends the checks.</param>
    /// <exception cref="DiskImageException">Of any image; ImageInUse; InvalidSize or NotEnoughSpace where the destination cannot become as large as needed.</exception>
    internal static MergeChain Open(MergeLinks links, bool isRehearsal, IProgress<OperationProgress>? progress, ILogger logger, CancellationToken cancellation)
    {
        var chain = new MergeChain(links, isRehearsal, progress, logger, cancellation);
        try
        {
            if (chain.Size > chain.Destination.Length)
                chain.Destination.RequireLegalSize(chain.Size);
            chain.RequireStaysRaw();
            TargetFile.RefuseOnOneDevice(chain.Top, chain.Destination.Path);
            foreach (DiskImage image in links.Fate == MergedOverlay.Deleted ? chain.Above() : [])
                SourceFiles.RequireDeletable(image.Files, chain.Destination, baseline: null);
            return chain;
        }
        catch
        {
            chain.Dispose();
            throw;
        }
    }

    /// <summary>The images above the destination, from the top down.</summary>
    internal IEnumerable<DiskImage> Above()
    {
        for (DiskImage image = Top; image != Destination; image = image.Backing!)
            yield return image;
    }

    /// <summary>Has the system forget what it holds of the destination in memory, where it can: whoever reads it then reads the disk.</summary>
    internal void DropCache() => (Destination.ExtentStorage as HostFile)?.DropCache();

    public void Dispose() => Top.Dispose();

    private DiskImage OpenTop(out FileIdentity identity)
    {
        if (_links.Fate == MergedOverlay.Emptied)
        {
            Overlay = ImageForChange.Open(_links.Overlay.Path, Needs, _progress, _logger, _cancellation);
            identity = Overlay.File.Identity;
            return Overlay.Image;
        }

        var options = new ChainOptions { Format = _links.Overlay.Format, Access = Access, Image = new ImageOpenOptions { Logger = _logger } };
        DiskImage top = ImageChain.OpenLink(_links.Overlay.Path, options, out HostFile file);
        identity = file.Identity;
        return top;
    }

    private void AttachAll(FileIdentity top)
    {
        List<FileIdentity> seen = [top];
        DiskImage last = Top;
        while (_destination is null)
        {
            BackingReference reference = last.BackingReference
                ?? throw new DiskImageException(ErrorKind.BackingFileRefused, "the backing chain was changed while it was opened", Top.Path);
            last = ImageChain.AttachNext(last, reference, seen, OpenLink, _logger);
        }

        ImageChain.AttachChain(last, seen, StorageAccess.Read, _logger);
    }

    private DiskImage OpenLink(string path, string? format, out FileIdentity identity)
        => FileIdentity.Of(path) is { } found && found == FileIdentity.Of(_links.Destination.Path)
            ? _destination = OpenDestination(path, out identity)
            : ImageChain.OpenerFor(Access, _logger)(path, format, out identity);

    private WritableDiskImage OpenDestination(string path, out FileIdentity identity)
    {
        if (_links.Destination.IsChangedInPlace)
        {
            QedDestination = ImageForChange.Open(path, Needs, _progress, _logger, _cancellation);
            identity = QedDestination.File.Identity;
            return QedDestination.Image;
        }

        HostFile file = HostFile.Open(path, _isRehearsal ? StorageAccess.Read : StorageAccess.Write);
        MissingLocks.Tell(file, _logger);
        identity = file.Identity;
        return (WritableDiskImage)FormatRegistry.Raw.Open(file, ImageOpenOptions.Default);
    }

    /// <summary>
    /// What is raw because it looks like nothing else must not be given a header by its guest: it would be taken for an image
    /// of that format, with whatever files of the host that names.
    /// </summary>
    private void RequireStaysRaw()
    {
        if (!Destination.IsRaw || _links.Above[_links.Above.Count - 1].BackingFormat is not null)
            return;
        using var merged = new MergedDisk(Top, Destination);
        string? found = null;
        try
        {
            ImageFormat format = FormatRegistry.Probe(merged, RawFallback.Anything, NullLogger.Instance);
            found = format.IsGuestBytes ? null : $"a {format.DisplayName} image";
        }
        catch (DiskImageException)
        {
            found = "an image of some format";
        }

        if (found is not null)
        {
            throw new DiskImageException(ErrorKind.BackingFileRefused, $"'{Destination.Path}' is taken for raw only because it looks like nothing else, and would look like {found} afterwards", Top.Path)
            {
                Remedy = new(RemedyKind.StoreBackingFormat, BackingReference.RawName, "If it really is a raw image"),
            };
        }
    }

    /// <summary>The bytes that the file of a raw destination would hold.</summary>
    private sealed class MergedDisk(DiskImage top, DiskImage destination) : BlockStorage
    {
        public override string Path => destination.Path;

        public override bool CanWrite => false;

        public override long Length => Math.Max(top.Length, destination.Length);

        public override int Read(long offset, Span<byte> buffer)
        {
            int count = (int)Math.Max(0, Math.Min(buffer.Length, Length - offset));
            DiskImage image = offset < top.Length ? top : destination;
            image.ReadOrZero(new(offset), buffer.Slice(0, count));
            return count;
        }

        public override void Write(long offset, ReadOnlySpan<byte> buffer) => throw new InvalidOperationException();

        public override void Flush() => throw new InvalidOperationException();

        protected override void Dispose(bool disposing)
        {
        }
    }
}
