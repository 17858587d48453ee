using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;

namespace Qed.Tests.Support;

/// <summary>What a disk may be after a crash: each byte has the value last flushed, or any written since, and the disk a size that it had since.</summary>
internal sealed class FlushHistory
{
    private readonly byte[] _start;
    private readonly Func<int, bool>? _isOwn;
    private readonly List<WriteRecord> _writes = [];
    private readonly List<FlushRecord> _flushes = [];
    private readonly List<(int Length, int Change, int Writes)> _sizes = [];
    private int _begin;
    private byte[] _now;
    // Who has asked for it may have kept it.
    private bool _isNowKept = true;
    // What the disk holds once so many writes are durable: the next crash that is asked for mostly comes a little later.
    private byte[]? _expected;
    private int _applied;

    /// <param name="start">What the disk holds first, which nobody changes any more.</param>
    /// <param name="isOwn">Which of its bytes whoever keeps the history writes; null for all.</param>
    internal FlushHistory(byte[] start, Func<int, bool>? isOwn = null)
    {
        _start = start;
        _isOwn = isOwn;
        _now = start;
        _sizes.Add((start.Length, 0, 0));
    }

    /// <summary>What the disk holds now; it stays so, and is not to be changed.</summary>
    internal byte[] Now
    {
        get
        {
            _isNowKept = true;
            return _now;
        }
    }

    /// <summary>Bytes of the disk now.</summary>
    internal int Length => _now.Length;

    /// <summary>Whether the disk may have any size between two that it has one after the other, as a raw one that grows.</summary>
    internal bool GrowsBySteps { get; init; }

    /// <summary>How often it was flushed.</summary>
    internal int Flushes => _flushes.Count;

    /// <summary>The change number at which the next request starts.</summary>
    internal void Begin(int change) => _begin = change;

    internal void Write(int offset, int length, byte value) => Write(offset, Patterns.Filled(length, value));

    internal void Write(int offset, byte[] bytes)
    {
        if (_isNowKept)
            (_now, _isNowKept) = ((byte[])_now.Clone(), false);
        bytes.CopyTo(_now, offset);
        _writes.Add(new WriteRecord(offset, bytes, _begin));
    }

    /// <summary>What was written last may be there or not, in part, and no flush changes that: it has failed.</summary>
    internal void DoubtLast()
    {
        if (_writes.Count > 0)
            _writes[^1] = _writes[^1] with { IsDoubtful = true };
    }

    /// <summary>The process that has written is gone, and some of what was not flushed with it: that reads so now, and may be lost yet.</summary>
    internal void Lose(byte[] left, int change)
    {
        for (int i = _flushes.Count > 0 ? _flushes[^1].Writes : 0; i < _writes.Count; i++)
            _writes[i] = _writes[i] with { IsDoubtful = true };
        Begin(change);
        Write(0, left);
    }

    /// <summary>The disk gets another size, at one blow; what is dropped is zeroes if it ever comes back.</summary>
    internal void Resize(int length)
    {
        byte[] now = new byte[length];
        _now.AsSpan(0, Math.Min(length, _now.Length)).CopyTo(now);
        (_now, _isNowKept) = (now, false);
        _sizes.Add((length, _begin, _writes.Count));
    }

    /// <summary>A flush has returned at a change number; everything done so far is durable from there on.</summary>
    internal void Flush(int change) => _flushes.Add(new FlushRecord(_writes.Count, _sizes.Count, change));

    /// <summary>How many flushes had returned before a change: crashes between two of them allow the more the later they come.</summary>
    internal int FlushesBefore(int crash) => _flushes.Count(flush => flush.Change <= crash);

    /// <summary>The first byte that is impossible after a crash just before a change, or -1; 0 where the disk cannot have that size.</summary>
    internal int FirstImpossible(ReadOnlySpan<byte> disk, int crash)
    {
        (int durable, int sizes) = (0, 1);
        foreach (FlushRecord flush in _flushes)
        {
            if (flush.Change <= crash)
                (durable, sizes) = (flush.Writes, flush.Sizes);
        }

        int[] allowed = [.. _sizes.Where((size, i) => i >= sizes - 1 && size.Change <= crash).Select(size => size.Length)];
        if (!allowed.Contains(disk.Length) && !(GrowsBySteps && disk.Length > allowed.Min() && disk.Length < allowed.Max()))
            return 0;
        byte[] expected = ExpectedAfter(durable);
        for (int i = CommonPrefix(disk, expected, 0); i < disk.Length; i += CommonPrefix(disk, expected, i))
        {
            if (_isOwn?.Invoke(i) == false)
            {
                i++;
                continue;
            }

            // The longest run that one of the writes explains.
            int explained = 0;
            for (int w = 0; w < _writes.Count && _writes[w].Change <= crash; w++)
            {
                WriteRecord write = _writes[w];
                if ((w >= durable || write.IsDoubtful) && i >= write.Offset && i < write.Offset + write.Bytes.Length)
                    explained = Math.Max(explained, disk[i..].CommonPrefixLength(write.Bytes.AsSpan(i - write.Offset)));
            }

            if (explained == 0)
                return i;
            i += explained;
        }

        return -1;
    }

    /// <summary>All that is known of a byte, for who wants to know why it is impossible.</summary>
    internal string Explain(int place)
    {
        var known = new StringBuilder();
        known.Append(FormattableString.Invariant($"{(place < _start.Length ? _start[place] : 0):x2} at first"));
        for (int w = 0; w < _writes.Count; w++)
        {
            WriteRecord write = _writes[w];
            if (place < write.Offset || place >= write.Offset + write.Bytes.Length)
                continue;
            known.Append(FormattableString.Invariant($"; {write.Bytes[place - write.Offset]:x2} from change {write.Change} on"));
            if (_flushes.Find(flush => flush.Writes > w) is { } flush)
                known.Append(FormattableString.Invariant($", {(write.IsDoubtful ? "or not" : "flushed")} before change {flush.Change}"));
        }

        return known.ToString();
    }

    /// <summary>Bytes alike from a place on; behind the expected ones zeroes are.</summary>
    private static int CommonPrefix(ReadOnlySpan<byte> disk, byte[] expected, int from)
    {
        int count = from < expected.Length ? disk[from..].CommonPrefixLength(expected.AsSpan(from)) : 0;
        if (from + count < expected.Length || from + count >= disk.Length)
            return count;
        int zeroes = disk[(from + count)..].IndexOfAnyExcept((byte)0);
        return zeroes < 0 ? disk.Length - from : count + zeroes;
    }

    private byte[] ExpectedAfter(int writes)
    {
        if (_expected is null || _applied > writes)
            (_expected, _applied) = (_start, 0);
        for (; _applied < writes; _applied++)
        {
            if (!_writes[_applied].IsDoubtful)
                Put(_writes[_applied]);
        }

        return _expected;
    }

    private void Put(WriteRecord write)
    {
        if (_expected == _start)
            _expected = (byte[])_start.Clone();
        if (write.Offset + write.Bytes.Length > _expected!.Length)
            Array.Resize(ref _expected, write.Offset + write.Bytes.Length);
        write.Bytes.CopyTo(_expected, write.Offset);
    }

    private sealed record WriteRecord(int Offset, byte[] Bytes, int Change)
    {
        internal bool IsDoubtful { get; init; }
    }

    private sealed record FlushRecord(int Writes, int Sizes, int Change);
}
