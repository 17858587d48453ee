using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Storage;

namespace Qed.Targets;

/// <summary>
/// What an operation writes an image to. Nothing counts before <see cref="Finish"/> and <see cref="Commit"/>: given up
/// earlier, a new file never was, and on what is written in place nothing is left that passes for an image.
/// </summary>
internal abstract class Destination : ImageTarget, IDisposable
{
    /// <summary>Where files that have no name yet lie, by the full path that each is to have.</summary>
    internal abstract IReadOnlyDictionary<string, string> PathsUnderConstruction { get; }

    /// <summary>Starts to write to a path, whatever lies there: a file is replaced at the end, a block device written in place.</summary>
    /// <param name="path">The path; a symbolic link stands for what it names.</param>
    /// <param name="overwrite">Whether what exists may be overwritten; it must not be in use.</param>
    /// <param name="replaced">Further files that go with a file that is replaced.</param>
    /// <param name="logger">Told what a file that is replaced had and the new one has not.</param>
    /// <param name="cancellation">Ends long writing of zeroes between two writes.</param>
    /// <exception cref="DiskImageException">ImageExists, ImageInUse, ImageNotFound for the folder, AccessDenied.</exception>
    internal static Destination Begin(
        string path, bool overwrite, IReadOnlyList<string>? replaced = null, ILogger? logger = null, CancellationToken cancellation = default)
    {
        string place = TargetPath.Resolve(path);
        return RequireFree(place, overwrite) == FileType.BlockDevice
            ? InPlaceTarget.Open(place, isZero: false, cancellation)
            : PendingFile.Create(place, overwrite, replaced ?? [], logger ?? NullLogger.Instance);
    }

    /// <summary>Throws what is known to be in the way of writing to a path.</summary>
    /// <exception cref="DiskImageException">ImageExists, ImageNotFound for the folder.</exception>
    internal static void Foresee(string path, bool overwrite)
    {
        string place = TargetPath.Resolve(path);
        RequireFree(place, overwrite);
        if (Path.GetDirectoryName(place) is { Length: > 0 } folder && !Directory.Exists(folder))
            throw StorageErrors.Translate(new DirectoryNotFoundException(), path);
    }

    /// <summary>Refuses to overwrite what cannot become an image, and anything unless that is wanted.</summary>
    /// <returns>What is there.</returns>
    protected static FileType RequireFree(string place, bool overwrite)
    {
        FileType type = FileTypes.Of(place);
        if (type is not (FileType.None or FileType.Regular or FileType.BlockDevice))
            throw new DiskImageException(ErrorKind.ImageExists, $"{type.Describe()} of that name exists already; only a file or a block device can become an image", place);
        if (type == FileType.None || overwrite)
            return type;
        throw new DiskImageException(ErrorKind.ImageExists, $"{type.Describe()} of that name exists already", place)
        {
            Remedy = new(RemedyKind.AllowOverwriting) { Next = type == FileType.BlockDevice ? Remedy.Advice("All that is on the device is lost then.") : null },
        };
    }

    /// <summary>Once the writer has completed: makes all that it wrote durable, and readable for <see cref="OpenWritten"/>.</summary>
    /// <param name="progress">Told how many bytes at the front are as they are to be.</param>
    /// <param name="cancellation">Honoured between pieces.</param>
    /// <exception cref="DiskImageException">NotEnoughSpace, or the system refused or failed the write.</exception>
    internal abstract void Finish(ProgressMeter progress, CancellationToken cancellation);

    /// <summary>Opens what was written once more, for reading, and from the disk: the system has to forget what it keeps of it in memory.</summary>
    internal abstract HostFile OpenWritten();

    /// <summary>From here on it counts.</summary>
    /// <exception cref="DiskImageException">ImageExists where another process has created the target meanwhile.</exception>
    internal abstract void Commit();

    /// <summary>Gives up what was not committed, and closes all.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>As <see cref="Dispose()"/>.</summary>
    protected abstract void Dispose(bool disposing);
}
