using System;
using System.Collections.Generic;
using Qed.Images;

namespace Qed.Transfer;

/// <summary>Goes through a disk's data, cut at the holes of its files, in step with another disk's; past its end a disk is zeroes.</summary>
internal sealed class RunCursor : IDisposable
{
    private readonly IEnumerator<ChainExtent> _runs;
    private readonly long _length;
    private readonly HostHoles _holes = new();
    private readonly OverlapGuard _guard = new();
    // The chain's run that the present one is a part of.
    private ChainExtent? _run;

    /// <param name="image">The disk; null for one that is all zeroes.</param>
    /// <param name="length">Bytes to go through.</param>
    internal RunCursor(DiskImage? image, long length)
        : this(image?.BytesInside(default, length) is > 0 and var own ? image.GetChainExtents(default, own) : [], length)
    {
    }

    /// <param name="runs">What the disk consists of, from its start on.</param>
    /// <param name="length">Bytes to go through.</param>
    internal RunCursor(IEnumerable<ChainExtent> runs, long length)
    {
        _length = length;
        _runs = runs.GetEnumerator();
        Advance();
    }

    /// <summary>The image that says what the present run is, data or not; null past the end of the disk.</summary>
    internal DiskImage? Teller => _run?.Holder;

    /// <summary>The image that holds the present run's data; null where it is zeroes.</summary>
    internal DiskImage? Holder { get; private set; }

    /// <summary>The guest offset behind the present run.</summary>
    internal long End { get; private set; }

    /// <summary>Goes to the next run where the present one ends at an offset.</summary>
    internal void Pass(long offset)
    {
        if (offset >= End)
            Advance();
    }

    public void Dispose() => _runs.Dispose();

    private void Advance()
    {
        if (_run is null || End >= _run.Value.Run.End.Value)
        {
            _run = _runs.MoveNext() ? _runs.Current : null;
            if (_run is { } next && _guard.FindDamage(next.Holder, next.Run) is { } damage)
                throw damage;
        }

        Holder = null;
        if (_run is not { } run)
        {
            End = _length;
        }
        else if (run.Run.Kind != ExtentKind.Data)
        {
            End = run.Run.End.Value;
        }
        else
        {
            (bool isHole, long length) = _holes.At(run, End);
            Holder = isHole ? null : run.Holder;
            End += length;
        }
    }
}
