namespace Qed;

/// <summary>How much a repair may change.</summary>
public enum RepairMode
{
    /// <summary>Everything that a check can find, as far as it can be decided safely.</summary>
    All,

    /// <summary>Only the space that is lost; an image with corruptions is left as it is.</summary>
    Leaks,
}
