using System;

namespace Qed.Layout;

/// <summary>A byte offset on the guest's disk.</summary>
/// <param name="Value">Bytes from the start of the disk, not negative.</param>
public readonly record struct GuestOffset(long Value) : IComparable<GuestOffset>
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

/// <summary>A byte offset in the host file that holds an image.</summary>
/// <param name="Value">Bytes from the start of the file, not negative.</param>
public readonly record struct HostOffset(long Value) : IComparable<HostOffset>
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

/// <summary>The number of a cluster in the host file: its offset divided by the cluster size.</summary>
/// <param name="Value">Zero is the cluster that holds the header.</param>
public readonly record struct ClusterIndex(long Value);

/// <summary>An amount of bytes, where one could be mistaken for an amount of clusters.</summary>
/// <param name="Value">Bytes, not negative.</param>
public readonly record struct ByteCount(long Value);
