using System;
using System.Linq;
using System.Management.Automation;
using Qed.Operations;

namespace Qed;

/// <summary>How the disks of two images differ.</summary>
public sealed class ComparisonResult : ImageResult
{
    private readonly CompareResult _result;

    internal ComparisonResult(CompareResult result)
    {
        _result = result;
        Ranges = result.Ranges.Select(range => new DiskRange(range)).ToArray();
    }

    /// <summary>Full path of the one image.</summary>
    public override string Path => _result.Path;

    /// <summary>Full path of the other image.</summary>
    public string DifferencePath => _result.DifferencePath;

    /// <summary>Whether a guest would see no difference; of sizes only with -Strict.</summary>
    public bool IsEqual => _result.IsEqual;

    /// <summary>Whether the disks have different sizes; the smaller one is compared as if zeroes followed.</summary>
    public bool SizesDiffer => Size != DifferenceSize;

    /// <summary>Bytes of the one disk.</summary>
    public ulong Size => (ulong)_result.Size;

    /// <summary>Bytes of the other disk.</summary>
    public ulong DifferenceSize => (ulong)_result.DifferenceSize;

    /// <summary>Offset of the first sector that differs; null where none does.</summary>
    public ulong? FirstDifference => (ulong?)_result.FirstDifference;

    /// <summary>Bytes of all sectors that differ.</summary>
    public ulong DifferingBytes => (ulong)_result.DifferingBytes;

    /// <summary>How many ranges differ.</summary>
    public long RangeCount => _result.RangeCount;

    /// <summary>The first of these ranges, in order; all of them unless they are more than -MaximumRanges.</summary>
    public DiskRange[] Ranges { get; }

    /// <summary>How long the comparison took.</summary>
    public TimeSpan Duration => _result.Duration;

    /// <summary>What the comparison came to, in a word.</summary>
    [Hidden]
    public string ResultText => IsEqual ? "equal" : FirstDifference is null ? "sizes differ" : "different";

    /// <summary>See <see cref="FirstDifference"/>.</summary>
    [Hidden]
    public string? FirstText => ViewText.Hex(FirstDifference);

    /// <summary>See <see cref="DifferingBytes"/>.</summary>
    [Hidden]
    public string? DifferingText => DifferingBytes == 0 ? null : ByteSize.Format(DifferingBytes);

    /// <summary>See <see cref="RangeCount"/>.</summary>
    [Hidden]
    public long? RangesText => RangeCount == 0 ? null : RangeCount;

    /// <summary>Both files; the other by its name alone where it lies beside the one.</summary>
    [Hidden]
    public string NameText => $"{Name} <> {ShortNameOf(DifferencePath)}";

    /// <summary>See <see cref="Size"/>.</summary>
    [Hidden]
    public string? SizeLongText => ViewText.Bytes(Size);

    /// <summary>See <see cref="DifferenceSize"/>; null where it is the same.</summary>
    [Hidden]
    public string? DifferenceSizeLongText => SizesDiffer ? ViewText.Bytes(DifferenceSize) : null;

    /// <summary>See <see cref="DifferingBytes"/>.</summary>
    [Hidden]
    public string? DifferingLongText => ViewText.Bytes(DifferingBytes);
}
