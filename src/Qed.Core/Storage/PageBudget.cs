using System;
using static Qed.Invariant;

namespace Qed.Storage;

/// <summary>How much memory the cached tables of one open file may take, in bytes.</summary>
internal static class PageBudget
{
    /// <summary>Enough for the tables of 128 GiB in clusters of 64 KiB.</summary>
    internal const long Default = 16L << 20;

    internal const long Minimum = 256L << 10;

    internal const long Maximum = 4L << 30;

    /// <exception cref="ArgumentOutOfRangeException">It lies outside the bounds.</exception>
    internal static long Require(long bytes)
        => bytes is >= Minimum and <= Maximum ? bytes
            : throw new ArgumentOutOfRangeException(nameof(bytes), bytes, $"The memory for tables is {Text(Minimum)} to {Text(Maximum)} bytes.");
}
