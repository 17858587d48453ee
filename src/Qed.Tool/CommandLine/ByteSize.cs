using System;
using System.Globalization;

namespace Qed.Tool.CommandLine;

/// <summary>Sizes as qemu-img reads them: "64k", "1.5G", "0x10000"; suffixes are powers of 1024.</summary>
internal static class ByteSize
{
    private const string Suffixes = "bkmgtpe";

    /// <summary>Reads a size that is not negative.</summary>
    /// <param name="text">The text, whole.</param>
    /// <param name="size">The size in bytes; larger than any file can be where the text is a number of no use.</param>
    /// <returns>False where it is no size at all.</returns>
    internal static bool TryParse(string text, out UInt128 size)
    {
        size = 0;
        if (text.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
            return UInt128.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out size);
        ReadOnlySpan<char> number = text;
        int power = number.IsEmpty ? -1 : Suffixes.IndexOf(char.ToLowerInvariant(number[^1]), StringComparison.Ordinal);
        if (power >= 0)
            number = number[..^1];
        UInt128 unit = UInt128.One << (10 * Math.Max(0, power));
        int point = number.IndexOf('.');
        ReadOnlySpan<char> whole = point < 0 ? number : number[..point];
        ReadOnlySpan<char> fraction = point < 0 ? default : number[(point + 1)..];
        if (!ulong.TryParse(whole, NumberStyles.None, CultureInfo.InvariantCulture, out ulong units) || (!fraction.IsEmpty && power <= 0))
            return false;
        size = units * unit;
        return fraction.IsEmpty || TryAddFraction(fraction, unit, ref size);
    }

    /// <summary>Reads a size that a disk can have.</summary>
    /// <returns>Null where it is not one.</returns>
    internal static long? Read(string text) => TryParse(text, out UInt128 size) && size <= long.MaxValue ? (long)size : null;

    /// <summary>The size of an operand or option.</summary>
    /// <param name="text">The text.</param>
    /// <param name="what">What it is the size of, for the message.</param>
    internal static long Require(string text, string what)
    {
        if (!TryParse(text, out UInt128 size))
        {
            throw new UsageException($"""
                Invalid {what} specified. You may use k, M, G, T, P or E suffixes for
                kilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes.
                """);
        }

        return size <= long.MaxValue ? (long)size
            : throw new UsageException($"Invalid {what} specified. Must be between 0 and {long.MaxValue.ToString(CultureInfo.InvariantCulture)}.");
    }

    private static bool TryAddFraction(ReadOnlySpan<char> digits, UInt128 unit, ref UInt128 size)
    {
        // More digits than these are less than a byte, whatever the suffix.
        if (digits.ContainsAnyExceptInRange('0', '9'))
            return false;
        digits = digits[..Math.Min(digits.Length, 18)];
        UInt128 scale = 1;
        for (int i = 0; i < digits.Length; i++)
            scale *= 10;
        size += UInt128.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture) * unit / scale;
        return true;
    }
}
