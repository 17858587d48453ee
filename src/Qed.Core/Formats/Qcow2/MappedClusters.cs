
namespace Qed.Formats.Qcow2;

/// <summary>What a run of guest bytes is.</summary>
internal enum MappedKind
{
    Unallocated,
    Zero,
    Data,

    /// <summary>One cluster, or the part of it that was asked for.</summary>
    Compressed,
}

/// <summary>A run of guest bytes of one kind, contiguous on the host where it is data.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Length">Bytes.</param>
/// <param name="HostOffset">Where data starts; for a compressed cluster its descriptor.</param>
internal readonly record struct MappedClusters(MappedKind Kind, long Length, long HostOffset)
{
    /// <summary>Whether a run that follows in the guest is the rest of this one.</summary>
    internal bool IsContinuedBy(MappedClusters next)
        => next.Kind == Kind && Kind != MappedKind.Compressed && (Kind != MappedKind.Data || next.HostOffset == HostOffset + Length);
}
