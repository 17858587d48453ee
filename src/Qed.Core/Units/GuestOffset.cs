using System;

namespace Qed.Units;

/// <summary>A byte offset on the guest's disk.</summary>
/// <param name="Value">Bytes from the start of the disk, not negative.</param>
internal readonly record struct GuestOffset(long Value) : IComparable<GuestOffset>
{
    /// <summary>The offset a number of bytes further on.</summary>
    public static GuestOffset operator +(GuestOffset offset, long bytes) => new(offset.Value + bytes);

    /// <summary>The distance between two offsets, in bytes.</summary>
    public static long operator -(GuestOffset end, GuestOffset start) => end.Value - start.Value;

    /// <summary>Whether one offset lies before another.</summary>
    public static bool operator <(GuestOffset left, GuestOffset right) => left.Value < right.Value;

    /// <summary>Whether one offset lies behind another.</summary>
    public static bool operator >(GuestOffset left, GuestOffset right) => left.Value > right.Value;

    /// <summary>Whether one offset lies before another, or is the same.</summary>
    public static bool operator <=(GuestOffset left, GuestOffset right) => left.Value <= right.Value;

    /// <summary>Whether one offset lies behind another, or is the same.</summary>
    public static bool operator >=(GuestOffset left, GuestOffset right) => left.Value >= right.Value;

    /// <inheritdoc/>
    public int CompareTo(GuestOffset other) => Value.CompareTo(other.Value);
}
