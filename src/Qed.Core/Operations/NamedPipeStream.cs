using System;
using System.IO;
using System.Runtime.ExceptionServices;
using System.Threading;
using System.Threading.Tasks;
using Qed.Storage;

namespace Qed.Operations;

/// <summary>
/// A named pipe, opened by its first byte: opening one waits for whoever is at its other end, and nobody should wait for an
/// operation that will be refused.
/// </summary>
/// <param name="path">The pipe.</param>
/// <param name="access">Whether to read or to write it.</param>
/// <param name="cancellation">Ends the waiting.</param>
public sealed class NamedPipeStream(string path, FileAccess access, CancellationToken cancellation) : Stream
{
    private FileStream? _opened;

    /// <inheritdoc/>
    public override bool CanRead => access == FileAccess.Read;

    /// <inheritdoc/>
    public override bool CanWrite => access == FileAccess.Write;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => Opened().Read(buffer, offset, count);

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => Opened().Write(buffer, offset, count);

    /// <summary>Opens an empty disk's pipe as well: its reader waits for the end.</summary>
    public override void Flush() => Opened().Flush();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _opened?.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>Whether a path leads to a named pipe, which is read or written as a stream and can hold no disk image.</summary>
    public static bool IsAt(string path) => FileTypes.IsPipe(path);

    /// <exception cref="OperationCanceledException">Cancelled while nobody was at the other end; the thread that waits there ends with the process.</exception>
    private FileStream Opened()
    {
        if (_opened is not null)
            return _opened;
        Task<FileStream> opening = Task.Factory.StartNew(
            () => new FileStream(path, FileMode.Open, access, FileShare.ReadWrite, bufferSize: 1),
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        try
        {
            opening.Wait(cancellation);
        }
        catch (AggregateException error)
        {
            ExceptionDispatchInfo.Capture(error.InnerException!).Throw();
        }

        return _opened = opening.Result;
    }
}
