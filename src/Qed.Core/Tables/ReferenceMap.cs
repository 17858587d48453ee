using Qed.Units;


namespace Qed.Tables;

/// <summary>Which clusters of the file are referenced, and which more than once: the heart of a check and of reclaiming.</summary>
internal sealed class ReferenceMap
{
    internal ReferenceMap(long clusters) => Used = new ClusterBitmap(clusters);

    /// <summary>Clusters referenced by the header, a table entry or both.</summary>
    internal ClusterBitmap Used { get; }

    /// <summary>Clusters referenced more than once; null while there is none, so that a sound image costs one bit a cluster.</summary>
    internal ClusterBitmap? Twice { get; private set; }

    /// <summary>Marks clusters as referenced.</summary>
    /// <returns>Whether none of them was before.</returns>
    internal bool Add(ClusterIndex first, long count)
    {
        bool isFresh = true;
        for (long i = 0; i < count; i++)
        {
            var cluster = new ClusterIndex(first.Value + i);
            if (Used.TestAndSet(cluster))
            {
                AddTwice(cluster);
                isFresh = false;
            }
        }

        return isFresh;
    }

    internal void AddTwice(ClusterIndex cluster) => (Twice ??= new ClusterBitmap(Used.Count)).TestAndSet(cluster);

    /// <summary>Adds what another worker has found.</summary>
    internal void Merge(ReferenceMap other)
    {
        ulong[] mine = Used.Words;
        ulong[] theirs = other.Used.Words;
        for (int i = 0; i < mine.Length; i++)
        {
            ulong both = mine[i] & theirs[i];
            if (both != 0)
                (Twice ??= new ClusterBitmap(Used.Count)).Words[i] |= both;
            mine[i] |= theirs[i];
        }

        if (other.Twice is null)
            return;
        ulong[] twice = (Twice ??= new ClusterBitmap(Used.Count)).Words;
        for (int i = 0; i < twice.Length; i++)
            twice[i] |= other.Twice.Words[i];
    }
}
