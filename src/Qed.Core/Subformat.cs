namespace Qed;

/// <summary>How an image uses space.</summary>
public enum Subformat
{
    /// <summary>Grows with its data; every format's default.</summary>
    Dynamic,

    /// <summary>Takes its full size at once.</summary>
    Fixed,

    /// <summary>Written once, in order, compressed (VMDK).</summary>
    StreamOptimized,
}
