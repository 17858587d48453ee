using System;
using Qed.Storage;

namespace Qed.Tests.Support;

/// <summary>
/// Storage in memory, of a file or of a block device: one keeps its length, and what it was told that nobody needs is anything
/// from then on.
/// </summary>
internal sealed class MemoryStorage : BlockStorage, IResizable, IPunchable, IDiscardable, IHoleMap
{
    private readonly object _lock = new();
    private readonly MemoryPages _pages;
    private Random? _garbage;

    internal MemoryStorage(byte[]? contents = null, bool canWrite = true)
        : this(new MemoryPages(contents), canWrite)
    {
    }

    private MemoryStorage(MemoryPages pages, bool canWrite)
    {
        _pages = pages;
        CanWrite = canWrite;
    }

    public override string Path => "/memory/image.qed";

    public override bool CanWrite { get; }

    public override long Length
    {
        get
        {
            lock (_lock)
                return _pages.Length;
        }
    }

    /// <summary>Whether it stands for a block device.</summary>
    internal bool IsDevice { get; init; }

    /// <summary>Whether it tells where its holes are, as a file does.</summary>
    internal bool HasHoles { get; init; }

    internal override bool HasFixedLength => IsDevice;

    /// <summary>The same each time, so that a test that fails fails again.</summary>
    private Random Garbage => _garbage ??= new Random(99);

    internal int Flushes { get; private set; }

    /// <summary>How many bytes were read and written so far.</summary>
    internal long BytesMoved { get; private set; }

    /// <summary>The most bytes that may be: who reads and writes in a loop without end fails, instead of never ending.</summary>
    internal long MostBytesMoved { get; init; } = long.MaxValue;

    /// <summary>Called with the offset of each write before it waits for its turn, by several threads at a time; may throw.</summary>
    internal Action<long>? OnWrite { get; set; }

    /// <summary>Called before each change, with what is about to happen, one change at a time; may throw.</summary>
    internal Action<StorageChange>? BeforeChange { get; set; }

    /// <summary>Called before each read, one at a time; may throw.</summary>
    internal Action? BeforeRead { get; set; }

    /// <summary>Asked before each hole is made whether the host refuses that.</summary>
    internal Func<bool>? RefusesPunch { get; set; }

    /// <summary>Whether it is open, for those who say when they open it.</summary>
    internal bool IsOpen { get; set; }

    /// <summary>Tells contents apart, holes and zeroes too.</summary>
    internal ulong Fingerprint
    {
        get
        {
            lock (_lock)
                return _pages.Fingerprint;
        }
    }

    /// <summary>A copy, of the same kind, that changes on its own; nobody is told of its changes.</summary>
    internal MemoryStorage Fork(bool canWrite = true)
    {
        lock (_lock)
            return new MemoryStorage(_pages.Fork(), canWrite) { IsDevice = IsDevice, HasHoles = HasHoles };
    }

    /// <summary>The same bytes for reading, which costs less than a copy: who changes them changes them here, too.</summary>
    internal MemoryStorage ForReading() => new(_pages, canWrite: false) { IsDevice = IsDevice, HasHoles = HasHoles };

    /// <summary>Makes a block device longer, by what is anything.</summary>
    internal void Enlarge(int bytes)
    {
        byte[] anything = new byte[bytes];
        lock (_lock)
        {
            Garbage.NextBytes(anything);
            _pages.Write(_pages.Length, anything);
        }
    }

    internal byte[] ToArray()
    {
        lock (_lock)
        {
            byte[] all = new byte[_pages.Length];
            _pages.Read(0, all);
            return all;
        }
    }

    public override int Read(long offset, Span<byte> buffer)
    {
        lock (_lock)
        {
            BeforeRead?.Invoke();
            int count = (int)Math.Clamp(_pages.Length - offset, 0, buffer.Length);
            Move(count);
            if (count > 0)
                _pages.Read(offset, buffer[..count]);
            return count;
        }
    }

    public override void Write(long offset, ReadOnlySpan<byte> buffer)
    {
        RequireWritable();
        OnWrite?.Invoke(offset);
        lock (_lock)
        {
            if (IsDevice)
                this.RequireRoom(offset + buffer.Length);
            BeforeChange?.Invoke(new StorageChange(StorageChangeKind.Write, offset, buffer.Length, buffer.ToArray()));
            if (buffer.IsEmpty)
                return;
            Move(buffer.Length);
            _pages.Write(offset, buffer);
        }
    }

    public void SetLength(long length)
    {
        RequireWritable();
        if (IsDevice)
        {
            this.RequireRoom(length);
            return;
        }

        lock (_lock)
        {
            BeforeChange?.Invoke(new StorageChange(StorageChangeKind.SetLength, length, 0, default));
            _pages.SetLength(length);
        }
    }

    /// <summary>As a file of Linux does: what lies behind the end stays behind it.</summary>
    public bool TryPunch(long offset, long length)
    {
        RequireWritable();
        if (IsDevice || RefusesPunch?.Invoke() == true)
            return false;
        lock (_lock)
        {
            BeforeChange?.Invoke(new StorageChange(StorageChangeKind.Punch, offset, length, default));
            _pages.Punch(offset, length);
            return true;
        }
    }

    public bool TryDiscard(long offset, long length)
    {
        if (!IsDevice)
            return false;
        byte[] anything = new byte[length];
        lock (_lock)
            Garbage.NextBytes(anything);
        Write(offset, anything);
        return true;
    }

    public override void Flush()
    {
        lock (_lock)
        {
            BeforeChange?.Invoke(new StorageChange(StorageChangeKind.Flush, 0, 0, default));
            Flushes++;
        }
    }

    public StorageExtent NextExtent(long offset)
    {
        if (!HasHoles || IsDevice)
            return this.AllData(offset);
        lock (_lock)
        {
            long end = _pages.RunEnd(offset, out bool isHole);
            return new StorageExtent(offset, end - offset, isHole);
        }
    }

    public bool IsHole(long offset, long length) => NextExtent(offset).IsHoleUpTo(offset + length);

    /// <summary>Writes what nobody is told of.</summary>
    internal void Put(StorageChange write)
    {
        lock (_lock)
            _pages.Write(write.Offset, write.Bytes.Span);
    }

    protected override void Dispose(bool disposing) => IsOpen = false;

    private void RequireWritable()
    {
        if (!CanWrite)
            throw new InvalidOperationException("The storage was opened for reading.");
    }

    private void Move(int bytes)
    {
        BytesMoved += bytes;
        if (BytesMoved > MostBytesMoved)
            throw new InvalidOperationException($"More than {MostBytesMoved} bytes were read and written: this has no end.");
    }
}
