using System.Threading;
using Qed.Layout;
using Qed.Storage;

namespace Qed.Space;

/// <summary>Where the clusters of an image end, and what is added there. Changed under its owner's lock only.</summary>
internal abstract class SpaceEnd
{
    // Changed under the owner's lock only, and read without.
    private long _clusters;

    private protected SpaceEnd(BlockStorage storage, QedGeometry geometry)
    {
        Storage = storage;
        Geometry = geometry;
    }

    /// <summary>The number of the first cluster behind all that were given out.</summary>
    internal long Clusters
    {
        get => Volatile.Read(ref _clusters);
        private protected set => Volatile.Write(ref _clusters, value);
    }

    /// <summary>Entries must not point behind it, in clusters.</summary>
    internal abstract long Bound { get; }

    /// <summary>Whether the place where clusters are added is known without knowing the tables.</summary>
    internal abstract bool IsKnown { get; }

    /// <summary>A number that rises with each change of the length.</summary>
    internal long Changes { get; private protected set; }

    /// <summary>Whether the length has reached stable storage.</summary>
    internal virtual bool IsDurable => true;

    private protected BlockStorage Storage { get; }

    private protected QedGeometry Geometry { get; }

    internal static SpaceEnd Of(BlockStorage storage, QedGeometry geometry)
        => storage.HasFixedLength ? new DeviceEnd(storage, geometry) : new FileEnd(storage, geometry);

    /// <summary>Adds clusters.</summary>
    /// <param name="count">How many.</param>
    /// <param name="minimum">How many at least, where there is no room for all.</param>
    /// <exception cref="DiskImageException">NotEnoughSpace, with nothing added.</exception>
    internal abstract (ClusterRun Run, bool IsZero) Extend(long count, long minimum);

    /// <summary>Lets the image end earlier: nothing may be in use from there on.</summary>
    internal abstract void CutTo(long clusters);

    /// <summary>Gives clusters back to the host that nothing needs any more. A host that fails to take them has lost nothing.</summary>
    /// <returns>Whether they read as zeroes, once that is on stable storage.</returns>
    internal bool TryGiveBack(ClusterRun run)
    {
        try
        {
            return GiveBack(Geometry.OffsetOf(run.First).Value, run.Count << Geometry.ClusterBits);
        }
        catch (DiskImageException)
        {
            return false;
        }
    }

    /// <summary>Gives back what was added ahead of use.</summary>
    /// <returns>Whether there was any.</returns>
    internal virtual bool CutAhead() => false;

    /// <summary>All changes up to a number are on stable storage.</summary>
    internal virtual void NoteDurable(long changes)
    {
    }

    /// <summary>The tables are known: the last cluster that is in use lies before a place.</summary>
    internal virtual void Learn(long usedClusters)
    {
    }

    /// <summary>Takes the end anew, after the file was changed beneath.</summary>
    internal abstract void Reload();

    /// <summary>As <see cref="TryGiveBack"/>; may throw.</summary>
    private protected abstract bool GiveBack(long offset, long length);
}
