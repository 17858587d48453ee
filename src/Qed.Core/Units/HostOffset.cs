using System;

namespace Qed.Units;

/// <summary>A byte offset in the host file that holds an image.</summary>
/// <param name="Value">Bytes from the start of the file, not negative.</param>
internal readonly record struct HostOffset(long Value) : IComparable<HostOffset>
{
    /// <summary>The offset a number of bytes further on.</summary>
    public static HostOffset operator +(HostOffset offset, long bytes) => new(offset.Value + bytes);

    /// <summary>The distance between two offsets, in bytes.</summary>
    public static long operator -(HostOffset end, HostOffset start) => end.Value - start.Value;

    /// <summary>Whether one offset lies before another.</summary>
    public static bool operator <(HostOffset left, HostOffset right) => left.Value < right.Value;

    /// <summary>Whether one offset lies behind another.</summary>
    public static bool operator >(HostOffset left, HostOffset right) => left.Value > right.Value;

    /// <summary>Whether one offset lies before another, or is the same.</summary>
    public static bool operator <=(HostOffset left, HostOffset right) => left.Value <= right.Value;

    /// <summary>Whether one offset lies behind another, or is the same.</summary>
    public static bool operator >=(HostOffset left, HostOffset right) => left.Value >= right.Value;

    /// <inheritdoc/>
    public int CompareTo(HostOffset other) => Value.CompareTo(other.Value);
}
