using System;
using System.Collections.Generic;
using Qed.Storage;

namespace Qed.Formats.Vhdx;

/// <summary>A file with the changes of its log laid over it, in memory. The newest change of a place is the one that shows.</summary>
internal sealed class ReplayedStorage : BlockStorage
{
    private const int Unpainted = -2;

    private readonly BlockStorage _file;
    private readonly byte[] _log;
    // What is changed, in order and without overlap: from Bounds[i] to Bounds[i + 1] unless its source is Unpainted.
    private readonly long[] _bounds;
    private readonly int[] _sources;

    /// <param name="file">The file, which this storage closes.</param>
    /// <param name="length">Its length once the log has been replayed.</param>
    /// <param name="log">The bytes that the patches' sources are offsets in.</param>
    /// <param name="patches">The changes, the oldest first.</param>
    internal ReplayedStorage(BlockStorage file, long length, byte[] log, IReadOnlyList<VhdxLogPatch> patches)
    {
        _file = file;
        _log = log;
        Length = length;
        _bounds = Bounds(patches);
        _sources = Paint(_bounds, patches);
    }

    public override string Path => _file.Path;

    public override bool CanWrite => false;

    public override long Length { get; }

    public override int Read(long offset, Span<byte> buffer)
    {
        int count = (int)Math.Max(0, Math.Min(buffer.Length, Length - offset));
        Span<byte> part = buffer.Slice(0, count);
        _file.ReadOrZero(offset, part);
        int index = Array.BinarySearch(_bounds, offset);
        if (index < 0)
            index = Math.Max(0, ~index - 1);
        for (; index < _sources.Length && _bounds[index] < offset + count; index++)
            Overlay(index, offset, part);
        return count;
    }

    public override void Write(long offset, ReadOnlySpan<byte> buffer) => throw new NotSupportedException();

    public override void Flush() => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _file.Dispose();
    }

    private void Overlay(int index, long offset, Span<byte> part)
    {
        long from = Math.Max(_bounds[index], offset);
        long to = Math.Min(_bounds[index + 1], offset + part.Length);
        int source = _sources[index];
        if (from >= to || source == Unpainted)
            return;
        Span<byte> target = part.Slice((int)(from - offset), (int)(to - from));
        if (source == VhdxLogPatch.Zeroes)
            target.Clear();
        else
            _log.AsSpan(source + (int)(from - _bounds[index]), target.Length).CopyTo(target);
    }

    private static long[] Bounds(IReadOnlyList<VhdxLogPatch> patches)
    {
        long[] bounds = new long[patches.Count * 2];
        for (int i = 0; i < patches.Count; i++)
            (bounds[2 * i], bounds[(2 * i) + 1]) = (patches[i].Target, patches[i].End);
        Array.Sort(bounds);
        int count = 0;
        foreach (long bound in bounds)
        {
            if (count == 0 || bounds[count - 1] != bound)
                bounds[count++] = bound;
        }

        Array.Resize(ref bounds, count);
        return bounds;
    }

    /// <summary>Gives each stretch between two bounds its newest source, passing over what is painted already.</summary>
    private static int[] Paint(long[] bounds, IReadOnlyList<VhdxLogPatch> patches)
    {
        int count = Math.Max(0, bounds.Length - 1);
        int[] sources = new int[count];
        int[] next = new int[count + 1];
        for (int i = 0; i <= count; i++)
            next[i] = i;
        for (int i = 0; i < count; i++)
            sources[i] = Unpainted;
        for (int i = patches.Count - 1; i >= 0; i--)
        {
            VhdxLogPatch patch = patches[i];
            int end = Array.BinarySearch(bounds, patch.End);
            for (int at = FirstUnpainted(next, Array.BinarySearch(bounds, patch.Target)); at < end; at = FirstUnpainted(next, at))
            {
                sources[at] = patch.Source == VhdxLogPatch.Zeroes ? patch.Source : patch.Source + (int)(bounds[at] - patch.Target);
                next[at] = at + 1;
            }
        }

        return sources;
    }

    private static int FirstUnpainted(int[] next, int index)
    {
        while (next[index] != index)
        {
            next[index] = next[next[index]];
            index = next[index];
        }

        return index;
    }
}
