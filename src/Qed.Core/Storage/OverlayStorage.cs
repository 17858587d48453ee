using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;

namespace Qed.Storage;

/// <summary>
/// Another storage as it would be after changes, which stay in memory: to find out what they lead to without making
/// them. Copies take a few bytes a block. Threads may share it, as any storage.
/// </summary>
internal sealed class OverlayStorage(BlockStorage beneath) : BlockStorage, IResizable, IHoleMap, ICopyWithin
{
    private const int BlockSize = 4096;

    private readonly object _lock = new();
    private readonly Dictionary<long, Block> _blocks = [];
    private long _length = beneath.Length;
    // Everything from here on was cut off at least once, so what lies beneath is not to be seen.
    private long _visible = beneath.Length;

    public override string Path => beneath.Path;

    public override bool CanWrite => true;

    public override long Length => Volatile.Read(ref _length);

    internal override bool HasFixedLength => beneath.HasFixedLength;

    public override int Read(long offset, Span<byte> buffer)
    {
        int count = (int)Math.Max(0, Math.Min(buffer.Length, Length - offset));
        for (int done = 0; done < count;)
        {
            long position = offset + done;
            int within = (int)(position % BlockSize);
            Span<byte> part = buffer.Slice(done, Math.Min(BlockSize - within, count - done));
            Block block;
            lock (_lock)
                block = Find(position / BlockSize);
            Read(block, within, part);
            done += part.Length;
        }

        return count;
    }

    public override void Write(long offset, ReadOnlySpan<byte> buffer)
    {
        lock (_lock)
        {
            _length = Math.Max(_length, offset + buffer.Length);
            while (!buffer.IsEmpty)
            {
                long block = offset / BlockSize;
                int within = (int)(offset % BlockSize);
                int count = Math.Min(BlockSize - within, buffer.Length);
                // Copies share their bytes, so a block is never changed in place.
                Block loaded = Load(Find(block));
                buffer.Slice(0, count).CopyTo(loaded.Bytes.AsSpan(within));
                _blocks[block] = loaded;
                offset += count;
                buffer = buffer.Slice(count);
            }
        }
    }

    public void SetLength(long length)
    {
        if (HasFixedLength)
        {
            beneath.RequireRoom(length);
            return;
        }

        lock (_lock)
        {
            if (length < _length)
                CutOff(length);
            _length = length;
        }
    }

    public override void Flush()
    {
    }

    public StorageExtent NextExtent(long offset)
    {
        lock (_lock)
            return ExtentAt(offset);
    }

    public bool IsHole(long offset, long length) => NextExtent(offset).IsHoleUpTo(offset + length);

    public void CopyWithin(long from, long to, int length)
    {
        if ((from | to | (uint)length) % BlockSize != 0)
        {
            this.CopyBytesWithin(from, to, length);
            return;
        }

        lock (_lock)
        {
            for (int i = 0; i < length / BlockSize; i++)
                _blocks[(to / BlockSize) + i] = Find((from / BlockSize) + i);
            _length = Math.Max(_length, to + length);
        }
    }

    /// <summary>What lies beneath is its owner's to close.</summary>
    protected override void Dispose(bool disposing)
    {
    }

    private StorageExtent ExtentAt(long offset)
    {
        // What was cut off and not written since is a hole, as in a file.
        StorageExtent extent = offset < _visible ? beneath.NextExtent(offset) : new StorageExtent(offset, Math.Max(1, _length - offset), IsHole: !HasFixedLength);
        if (!extent.IsHole)
            return extent;
        long written = FirstWritten(offset / BlockSize, (extent.End + BlockSize - 1) / BlockSize) * BlockSize;
        if (written > offset)
            return new StorageExtent(offset, Math.Min(extent.End, written) - offset, IsHole: true);
        return new StorageExtent(offset, BlockSize - (offset % BlockSize), IsHole: false);
    }

    private void CutOff(long length)
    {
        foreach (KeyValuePair<long, Block> block in _blocks.ToArray())
        {
            if (block.Key * BlockSize >= length)
                _blocks.Remove(block.Key);
            else if (block.Value.Bytes is null && (block.Value.Source + 1) * BlockSize > length)
                _blocks[block.Key] = Load(block.Value);
        }

        _visible = Math.Min(_visible, length);
        long inBlock = length % BlockSize;
        if (inBlock > 0)
            Write(length, new byte[BlockSize - inBlock]);
    }

    private Block Find(long block) => _blocks.TryGetValue(block, out Block found) ? found : new Block(null, block);

    /// <summary>The first of some blocks that does not show what lies beneath; the end where there is none.</summary>
    private long FirstWritten(long first, long end)
    {
        if (_blocks.Count < end - first)
            return _blocks.Keys.Where(block => block >= first && block < end).DefaultIfEmpty(end).Min();
        while (first < end && !_blocks.ContainsKey(first))
            first++;
        return first;
    }

    private Block Load(Block block)
    {
        byte[] bytes = new byte[BlockSize];
        Read(block, 0, bytes);
        return new Block(bytes, 0);
    }

    private void Read(Block block, int within, Span<byte> buffer)
    {
        if (block.Bytes is { } bytes)
        {
            bytes.AsSpan(within, buffer.Length).CopyTo(buffer);
            return;
        }

        long offset = (block.Source * BlockSize) + within;
        int visible = (int)Math.Max(0, Math.Min(buffer.Length, Volatile.Read(ref _visible) - offset));
        beneath.ReadOrZero(offset, buffer.Slice(0, visible));
        buffer.Slice(visible).Clear();
    }

    /// <param name="Bytes">What the block holds; null where it is as one beneath.</param>
    /// <param name="Source">Which one beneath.</param>
    private readonly record struct Block(byte[]? Bytes, long Source);
}
