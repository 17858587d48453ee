using System.Collections.Generic;
using Qed.Tables;
using Qed.Units;

namespace Qed.Compaction;

/// <summary>Where data would be by now that a rehearsal has moved or freed: the tables tell only where it was.</summary>
internal sealed class Whereabouts(long clusters)
{
    private readonly ClusterBitmap _freed = new(clusters);
    private readonly ClusterBitmap _settled = new(clusters);
    private readonly Dictionary<long, long> _elsewhere = [];

    /// <summary>Notes that what lay in clusters is gone.</summary>
    internal void Free(ClusterIndex first, long count) => _freed.Set(first, count);

    internal bool IsFreed(long original) => _freed[new ClusterIndex(original)];

    /// <summary>Notes where data is for the time being, or for good: of that only the fact is remembered.</summary>
    internal void Move(long original, long to, bool isForGood)
    {
        if (!isForGood)
        {
            _elsewhere[original] = to;
            return;
        }

        _elsewhere.Remove(original);
        _settled.Set(new ClusterIndex(original), 1);
    }

    /// <summary>Where data is that lay in a cluster; null where it is for good.</summary>
    internal long? Find(long original)
        => _settled[new ClusterIndex(original)] ? null : _elsewhere.TryGetValue(original, out long now) ? now : original;
}
