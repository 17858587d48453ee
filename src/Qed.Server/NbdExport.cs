using System;
using System.IO;
using System.Threading;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Images;
using Qed.Operations;
using Qed.Server.Exports;
using Qed.Server.Protocol;
using Qed.Storage;

namespace Qed.Server;

/// <summary>A disk that clients can ask for by name. It owns its image, and closes it.</summary>
public sealed class NbdExport : IDisposable
{
    private readonly long? _length;
    private string? _temporary;
    private LiveCopy? _liveCopy;

    /// <summary>Offers an image.</summary>
    /// <param name="image">The image, opened for writing where clients are to write it.</param>
    /// <param name="name">What clients ask for, at most 4096 bytes as UTF-8; empty for the one that they get who name none.</param>
    /// <exception cref="ArgumentException">The name is too long.</exception>
    public NbdExport(DiskImage image, string name = "")
    {
        Image = image ?? throw new ArgumentNullException(nameof(image));
        Name = name ?? throw new ArgumentNullException(nameof(name));
        WireText.Name(name);
        IsReadOnly = image is not WritableDiskImage { CanWrite: true };
    }

    /// <summary>Opens an image with its backing chain, and with an overlay where one is asked for.</summary>
    /// <exception cref="DiskImageException">
    /// Of any image of the chain; UnsupportedFeature where the format is only read; ImageExists where the overlay is something
    /// else; InvalidSize where the offset lies outside the disk.
    /// </exception>
    public static NbdExport Open(NbdExportOptions options, ILogger? logger = null, CancellationToken cancellation = default)
    {
        if (options is null)
            throw new ArgumentNullException(nameof(options));
        if (options.IsStreamed && (options.OverlayPath is null || options.IsReadOnly))
            throw new ArgumentException("Only an overlay that is written is made to stand alone.", nameof(options));
        logger ??= NullLogger.Instance;
        string? temporary = options.IsSnapshot && !options.IsReadOnly ? Overlay.TemporaryPath() : null;
        try
        {
            DiskImage image = OpenDisk(options, temporary ?? options.OverlayPath, logger, cancellation);
            try
            {
                if (options.Offset < 0 || options.Offset > image.Length)
                    throw new DiskImageException(ErrorKind.InvalidSize, FormattableString.Invariant($"the offset {options.Offset} lies outside the disk of {image.Length} bytes"), options.Path);
                return new NbdExport(image, options.Name)
                {
                    Description = options.Description ?? options.Path,
                    Offset = options.Offset,
                    IsReadOnly = options.IsReadOnly,
                    _temporary = temporary,
                    _liveCopy = options.IsStreamed ? new LiveCopy((WritableDiskImage)image, options, logger) : null,
                };
            }
            catch
            {
                image.Dispose();
                throw;
            }
        }
        catch
        {
            Delete(temporary);
            throw;
        }
    }

    /// <summary>The image.</summary>
    public DiskImage Image { get; }

    /// <summary>What clients ask for.</summary>
    public string Name { get; }

    /// <summary>What a person is told about it; at most 4096 bytes of it as UTF-8 are.</summary>
    public string Description { get; init; } = string.Empty;

    /// <summary>Whether clients only read. An image that was opened for reading is never written.</summary>
    public bool IsReadOnly
    {
        get;
        init => field = value || Image is not WritableDiskImage { CanWrite: true };
    }

    /// <summary>Where the part of the disk begins that clients see, in bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It lies outside the disk.</exception>
    public long Offset
    {
        get;
        init => field = value >= 0 && value <= Image.Length ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "It lies outside the disk.");
    }

    /// <summary>Bytes that clients see: all from <see cref="Offset"/> on unless set.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There are not so many.</exception>
    public long Length
    {
        get => _length ?? Image.Length - Offset;
        init => _length = value >= 0 && value <= Image.Length ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "The disk has fewer bytes.");
    }

    /// <summary>How far the overlay is on its way to stand alone; null where it is not to.</summary>
    public LiveCopyState? LiveCopy => _liveCopy?.State;

    /// <summary>Told, on a thread of its own, when the overlay stands alone.</summary>
    public Action? StandsAlone { get; set; }

    /// <summary>Begins with what goes on besides serving.</summary>
    internal void Begin() => _liveCopy?.Start(() => StandsAlone?.Invoke());

    /// <summary>Closes the image.</summary>
    /// <exception cref="DiskImageException">It could not be closed: what was written last may be lost.</exception>
    public void Dispose()
    {
        try
        {
            _liveCopy?.Dispose();
            Image.Dispose();
        }
        finally
        {
            Delete(_temporary);
        }
    }

    private static DiskImage OpenDisk(NbdExportOptions options, string? overlay, ILogger logger, CancellationToken cancellation)
    {
        var how = new OpenImageOptions { Path = options.Path, SourceFormat = options.SourceFormat, RawFallback = options.RawFallback, DetectZeroes = options.DetectZeroes };
        if (options.IsReadOnly && overlay is null)
            return OpenImage.ForReading(how, progress: null, logger, cancellation);
        if (overlay is null)
            return ForWriting(how, logger, cancellation);
        Overlay.Require(overlay, options, logger, cancellation);
        how = how with { Path = overlay, SourceFormat = null };
        return options.IsReadOnly ? OpenImage.ForReading(how, progress: null, logger, cancellation) : ForWriting(how, logger, cancellation);
    }

    private static WritableDiskImage ForWriting(OpenImageOptions how, ILogger logger, CancellationToken cancellation)
    {
        WritableDiskImage image = OpenImage.ForWriting(how, progress: null, logger, cancellation);
        // What clients flush is their disk, and not what the host notes of its file.
        if (image.ExtentStorage is HostFile file)
            file.FlushesTimes = false;
        return image;
    }

    private static void Delete(string? temporary)
    {
        if (temporary is not null)
            File.Delete(temporary);
    }
}
