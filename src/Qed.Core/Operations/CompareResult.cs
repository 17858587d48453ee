using System;
using System.Collections.Generic;

namespace Qed.Operations;

/// <summary>How two disks differ.</summary>
public sealed record CompareResult
{
    /// <summary>Full path of the one image.</summary>
    public required string Path { get; init; }

    /// <summary>Full path of the other image.</summary>
    public required string DifferencePath { get; init; }

    /// <summary>Bytes of the one disk.</summary>
    public required long Size { get; init; }

    /// <summary>Bytes of the other disk.</summary>
    public required long DifferenceSize { get; init; }

    /// <summary>Whether a guest would see no difference; of sizes only where that was asked for.</summary>
    public required bool IsEqual { get; init; }

    /// <summary>Offset of the first sector whose bytes differ; null where none does.</summary>
    public long? FirstDifference { get; init; }

    /// <summary>Bytes of all ranges that differ; not counted, like the ranges, where only the first difference was asked for.</summary>
    public long DifferingBytes { get; init; }

    /// <summary>How many ranges differ.</summary>
    public long RangeCount { get; init; }

    /// <summary>The first of these ranges, in order, as many as were asked for.</summary>
    public IReadOnlyList<ByteRange> Ranges { get; init; } = [];

    /// <summary>How long the comparison took.</summary>
    public TimeSpan Duration { get; init; }
}
