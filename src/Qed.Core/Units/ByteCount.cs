namespace Qed.Units;

/// <summary>An amount of bytes, where one could be mistaken for an amount of clusters.</summary>
/// <param name="Value">Bytes, not negative.</param>
internal readonly record struct ByteCount(long Value);
