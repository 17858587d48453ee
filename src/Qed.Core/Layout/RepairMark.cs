namespace Qed.Layout;

/// <summary>
/// What the autoclear features of an image say while an undo file of a repair is kept: which one it is. Whoever opens the
/// image for writing without knowing the mark clears it, as the specification asks for of all such features; so an image
/// that has it is as the repair left it, copied to wherever, and one without was written since or is another one.
/// </summary>
/// <param name="Id">The number of the undo file, of 30 bits.</param>
/// <param name="IsUnfinished">Whether the repair, or its undoing, has begun and not ended.</param>
internal readonly record struct RepairMark(uint Id, bool IsUnfinished)
{
    /// <summary>One more than the largest number.</summary>
    internal const int IdLimit = 1 << IdBits;

    private const int IdBits = 30;
    private const int IdShift = 32;
    private const ulong Flag = 1UL << 63;
    private const ulong Unfinished = 1UL << 62;
    private const ulong IdMask = (ulong)(IdLimit - 1) << IdShift;

    /// <summary>The mark among an image's autoclear features; null where there is none.</summary>
    internal static RepairMark? In(ulong autoclearFeatures)
        => (autoclearFeatures & Flag) == 0 || (autoclearFeatures & ~(Flag | Unfinished | IdMask)) != 0
            ? null
            : new RepairMark((uint)((autoclearFeatures & IdMask) >> IdShift), (autoclearFeatures & Unfinished) != 0);

    /// <summary>The autoclear features of an image that has the mark.</summary>
    internal ulong ToFeatures() => Flag | (IsUnfinished ? Unfinished : 0) | ((ulong)Id << IdShift);
}
