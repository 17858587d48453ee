using System;

namespace Qed.Storage;

/// <summary>
/// Takes disk space ahead of a file that grows by small pieces, in steps so large that the file lies in few pieces on the
/// host. What was taken too much is given back when the file gets its final length. Not thread-safe.
/// </summary>
/// <param name="target">The file.</param>
/// <param name="start">Where it starts to grow.</param>
internal sealed class Preallocation(BlockStorage target, long start)
{
    private const long Step = 64 << 20;

    private long _end = start;

    /// <summary>Makes sure that there is space up to an offset.</summary>
    internal void Reach(long offset)
    {
        if (offset <= _end)
            return;
        long end = Math.Max(offset, _end + Step);
        target.Preallocate(_end, end - _end);
        _end = end;
    }
}
