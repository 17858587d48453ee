using System;
using System.IO;
using System.Threading;
using Qed.Storage;

namespace Qed.Tests.Support;

/// <summary>One read that fails, once, of all those over several storages, as on a disk that has a bad moment; and which of them are open.</summary>
/// <param name="number">Which one fails, counted from 1.</param>
internal sealed class FailingRead(int number)
{
    private const int InputOutputError = 5;

    private int _reads;
    private int _open;

    /// <summary>Whether there were so many reads.</summary>
    internal bool HasFailed => Volatile.Read(ref _reads) >= number;

    /// <summary>How many storages were opened and are not closed.</summary>
    internal int Open => Volatile.Read(ref _open);

    /// <summary>A storage whose reads count.</summary>
    internal BlockStorage Over(BlockStorage storage)
    {
        Interlocked.Increment(ref _open);
        return new Counted(storage, this);
    }

    private void Count(string path)
    {
        if (Interlocked.Increment(ref _reads) == number)
            throw StorageErrors.Translate(new IOException("Input/output error", InputOutputError), path);
    }

    private sealed class Counted(BlockStorage storage, FailingRead failing) : BlockStorage
    {
        private int _isClosed;

        public override string Path => storage.Path;

        public override bool CanWrite => false;

        public override long Length => storage.Length;

        public override int Read(long offset, Span<byte> buffer)
        {
            ObjectDisposedException.ThrowIf(Volatile.Read(ref _isClosed) != 0, this);
            failing.Count(Path);
            return storage.Read(offset, buffer);
        }

        public override void Write(long offset, ReadOnlySpan<byte> buffer) => throw new InvalidOperationException("The storage was opened for reading.");

        public override void Flush() => throw new InvalidOperationException("The storage was opened for reading.");

        protected override void Dispose(bool disposing)
        {
            if (Interlocked.Exchange(ref _isClosed, 1) == 0)
                Interlocked.Decrement(ref failing._open);
        }
    }
}
