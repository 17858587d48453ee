using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace Qed.Tool.Commands;

/// <summary>
/// A named pipe, opened by its first byte: opening one waits for whoever is at its other end, and nobody should wait for a
/// command that will be refused.
/// </summary>
internal sealed class NamedPipe(string path, FileAccess access, CancellationToken cancellation) : Stream
{
    private FileStream? _opened;

    public override bool CanRead => access == FileAccess.Read;

    public override bool CanWrite => access == FileAccess.Write;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override int Read(byte[] buffer, int offset, int count) => Opened().Read(buffer, offset, count);

    public override void Write(byte[] buffer, int offset, int count) => Opened().Write(buffer, offset, count);

    /// <summary>Opens an empty disk's pipe as well: its reader waits for the end.</summary>
    public override void Flush() => Opened().Flush();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _opened?.Dispose();
        base.Dispose(disposing);
    }

    /// <exception cref="OperationCanceledException">Cancelled while nobody was at the other end; the thread that waits there ends with the process.</exception>
    private FileStream Opened()
        => _opened ??= Task.Factory.StartNew(
            () => new FileStream(path, FileMode.Open, access, FileShare.ReadWrite, bufferSize: 0),
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default).WaitAsync(cancellation).GetAwaiter().GetResult();
}
