using System;
using System.Collections.Generic;
using System.Threading;
using Qed.Storage;

namespace Qed.Targets;

/// <summary>
/// A file or block device that exists and is written in place, never replaced. All that was in it is lost with the first
/// byte that is written; given up after that, its first bytes are zeroes.
/// </summary>
internal sealed class InPlaceTarget : Destination
{
    private readonly HostFile _file;
    private readonly FreshStorage _storage;
    private bool _mayPassForImage;
    private bool _isFinished;
    private bool _isCommitted;

    private InPlaceTarget(HostFile file, bool isZero, CancellationToken cancellation)
    {
        _file = file;
        _storage = new FreshStorage(file, isZero, cancellation);
        FixedLength = file.Length;
    }

    /// <inheritdoc/>
    public override string Target => _file.Path;

    /// <inheritdoc/>
    public override BlockStorage Storage => _storage;

    /// <inheritdoc/>
    internal override long? FixedLength { get; }

    /// <inheritdoc/>
    internal override IReadOnlyDictionary<string, string> PathsUnderConstruction { get; } = new Dictionary<string, string>();

    /// <summary>Opens what exists, and writes nothing yet.</summary>
    /// <param name="path">A file or block device.</param>
    /// <param name="isZero">Whether all of it is known to read as zeroes, so that none need be written.</param>
    /// <param name="cancellation">Ends long writing of zeroes between two writes.</param>
    /// <exception cref="DiskImageException">ImageInUse, ImageNotFound, AccessDenied.</exception>
    internal static InPlaceTarget Open(string path, bool isZero = false, CancellationToken cancellation = default)
    {
        HostFile file = HostFile.Open(path, StorageAccess.Write);
        try
        {
            file.BypassCache();
            return new InPlaceTarget(file, isZero, cancellation);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    internal override (string Name, BlockStorage Storage) AddCompanion(string name)
        => throw new DiskImageException(ErrorKind.UnsupportedFeature, "an image of several files cannot be written into one that exists, or to a block device", Target);

    /// <inheritdoc/>
    internal override void EndWith(ReadOnlySpan<byte> end) => _storage.EndWith(end);

    /// <inheritdoc/>
    internal override void Finish(ProgressMeter progress, CancellationToken cancellation)
    {
        _mayPassForImage = true;
        _storage.Finish(progress, cancellation);
        _isFinished = true;
    }

    /// <inheritdoc/>
    internal override HostFile OpenWritten()
    {
        _file.DropCache();
        return HostFile.Open(Target, StorageAccess.Peek);
    }

    /// <inheritdoc/>
    internal override void Commit()
    {
        if (!_isFinished)
            throw new InvalidOperationException("The image is not finished.");
        _isCommitted = true;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (!disposing)
            return;
        try
        {
            // Before that its first bytes are zeroes already. What failed to be flushed is in the file all the same.
            if (_mayPassForImage && !_isCommitted)
                _storage.Spoil();
        }
        catch (DiskImageException)
        {
            // The error that led here matters more.
        }
        finally
        {
            _storage.Dispose();
            _file.Dispose();
        }
    }
}
