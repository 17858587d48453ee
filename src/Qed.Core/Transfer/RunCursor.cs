using System;
using System.Collections.Generic;
using Qed.Images;
using Qed.Layout;

namespace Qed.Transfer;

/// <summary>Goes through a disk's chain extents in step with another disk's; past its end a disk is zeroes.</summary>
internal sealed class RunCursor : IDisposable
{
    private readonly IEnumerator<ChainExtent> _runs;
    private readonly long _length;

    /// <param name="image">The disk; null for one that is all zeroes.</param>
    /// <param name="length">Bytes to go through.</param>
    internal RunCursor(DiskImage? image, long length)
    {
        _length = length;
        long own = Math.Min(length, image?.Length ?? 0);
        _runs = (own > 0 ? image!.GetChainExtents(new GuestOffset(0), own) : []).GetEnumerator();
        Advance();
    }

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
        bool isInside = _runs.MoveNext();
        Holder = isInside && _runs.Current.Run.Kind == ExtentKind.Data ? _runs.Current.Holder : null;
        End = isInside ? _runs.Current.Run.End.Value : _length;
    }
}
