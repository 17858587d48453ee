namespace Qed;

/// <summary>What a run of the guest's disk is, as far as its image's own tables tell.</summary>
public enum ExtentKind
{
    /// <summary>The image holds bytes for it, which may happen to be zeroes.</summary>
    Data,

    /// <summary>It reads as zeroes, whatever a backing file holds.</summary>
    Zero,

    /// <summary>The image says nothing: it reads from the backing file, or as zeroes without one.</summary>
    Unallocated,
}
