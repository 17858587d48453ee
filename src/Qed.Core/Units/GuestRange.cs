namespace Qed.Units;

/// <summary>A range of the guest's disk.</summary>
/// <param name="Offset">Where it starts.</param>
/// <param name="Length">Its length in bytes, at least 1.</param>
internal readonly record struct GuestRange(GuestOffset Offset, long Length)
{
    /// <summary>The guest offset just behind the range.</summary>
    public GuestOffset End => Offset + Length;

    /// <summary>The range in plain numbers, as those outside of the engine count.</summary>
    public ByteRange Bytes => new(Offset.Value, Length);
}
