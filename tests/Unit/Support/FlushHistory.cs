using System;
using System.Collections.Generic;
using System.Linq;

namespace Qed.Tests.Support;

/// <summary>What each byte of a disk may be after a crash: the value last flushed, or any written since.</summary>
internal sealed class FlushHistory
{
    private readonly byte[] _start;
    private readonly Func<int, bool> _isOwn;
    private readonly List<WriteRecord> _writes = [];
    private readonly List<FlushRecord> _flushes = [];
    private int _begin;
    // What the disk holds once so many writes are durable: the next crash that is asked for mostly comes a little later.
    private byte[]? _expected;
    private int _applied;

    /// <param name="start">What the disk holds first.</param>
    /// <param name="isOwn">Which of its bytes whoever keeps the history writes; null for all.</param>
    internal FlushHistory(byte[] start, Func<int, bool>? isOwn = null)
    {
        _start = (byte[])start.Clone();
        _isOwn = isOwn ?? (_ => true);
    }

    /// <summary>The change number at which the next request starts.</summary>
    internal void Begin(int change) => _begin = change;

    internal void Write(int offset, int length, byte value) => _writes.Add(new WriteRecord(offset, length, value, _begin));

    /// <summary>A flush has returned at a change number; everything written so far is durable from there on.</summary>
    internal void Flush(int change) => _flushes.Add(new FlushRecord(_writes.Count, change));

    /// <summary>The first byte that is impossible after a crash just before a change, or -1.</summary>
    internal int FirstImpossible(byte[] disk, int crash)
    {
        int durable = _flushes.Where(flush => flush.Change <= crash).Select(flush => flush.Writes).DefaultIfEmpty(0).Max();
        byte[] expected = ExpectedAfter(durable);
        List<WriteRecord> maybe = _writes.Skip(durable).Where(write => write.Change <= crash).ToList();
        for (int i = disk.AsSpan().CommonPrefixLength(expected); i < disk.Length; i += 1 + disk.AsSpan(i + 1).CommonPrefixLength(expected.AsSpan(i + 1)))
        {
            if (_isOwn(i) && !maybe.Exists(write => i >= write.Offset && i < write.Offset + write.Length && write.Value == disk[i]))
                return i;
        }

        return -1;
    }

    private byte[] ExpectedAfter(int writes)
    {
        if (_expected is null || _applied > writes)
            (_expected, _applied) = ((byte[])_start.Clone(), 0);
        for (; _applied < writes; _applied++)
            Array.Fill(_expected, _writes[_applied].Value, _writes[_applied].Offset, _writes[_applied].Length);
        return _expected;
    }

    private sealed record WriteRecord(int Offset, int Length, byte Value, int Change);

    private sealed record FlushRecord(int Writes, int Change);
}
