namespace Qed.Engine;

/// <summary>How to open a QED image.</summary>
public sealed record QedOpenOptions
{
    /// <summary>Whether to open it for writing.</summary>
    public bool ForWriting { get; init; }

    /// <summary>
    /// The caller has just checked an image whose NEED_CHECK bit is set and found it sound. Without this such an image
    /// is not opened for writing; with it the bit is cleared on closing.
    /// </summary>
    public bool NeedCheckVerified { get; init; }

    /// <summary>
    /// Whether nothing is written before the first change, as those want it who may yet refuse to make one. Otherwise
    /// unknown autoclear features are cleared by opening the image for writing.
    /// </summary>
    internal bool MayRefuse { get; init; }
}
