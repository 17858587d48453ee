using System;
using System.Globalization;

namespace Qed;

/// <summary>Amounts of bytes as people write and read them, in powers of 1024.</summary>
public static class ByteSize
{
    private const string Suffixes = "bkmgtpe";

    // More digits than these are less than a byte, whatever the suffix.
    private const int MostFractionDigits = 18;

    private static readonly string[] Units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

    /// <summary>
    /// An amount with three significant digits, in the largest unit that leaves at least 1 and in the user's language:
    /// <c>10 GiB</c>, <c>1.46 MiB</c>, <c>1000 KiB</c>.
    /// </summary>
    /// <param name="bytes">The amount; null gives an empty text.</param>
    // From 1023.5 on it would be rounded to 1024.
    public static string Format(ulong? bytes) => bytes is { } count ? Format(count, 1023.5, CultureInfo.CurrentCulture) : string.Empty;

    /// <summary>As <see cref="Format(ulong?)"/>, but in at most three digits and the same in every language: <c>0.977 MiB</c>.</summary>
    /// <param name="bytes">The amount, not negative.</param>
    // From 999.5 on it would be rounded to 1000.
    public static string FormatShort(long bytes) => Format(bytes, 999.5, CultureInfo.InvariantCulture);

    /// <summary>Reads an amount: <c>65536</c>, <c>0x10000</c>, <c>64k</c>, <c>1.5G</c>; the suffixes are B, K, M, G, T, P and E in either case.</summary>
    /// <param name="text">The text, whole.</param>
    /// <param name="bytes">The amount; <see cref="ulong.MaxValue"/> where it is that or more.</param>
    /// <returns>False where it is no amount at all.</returns>
    public static bool TryParse(string text, out ulong bytes)
    {
        bytes = 0;
        if (text is null)
            throw new ArgumentNullException(nameof(text));
        if (text.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
            return TryParseHexadecimal(text.Substring(2), out bytes);
        int power = text.Length == 0 ? -1 : Suffixes.IndexOf(char.ToLowerInvariant(text[text.Length - 1]));
        string number = power < 0 ? text : text.Substring(0, text.Length - 1);
        int point = number.IndexOf('.');
        string whole = point < 0 ? number : number.Substring(0, point);
        string fraction = point < 0 ? string.Empty : number.Substring(point + 1);
        if (!ulong.TryParse(whole, NumberStyles.None, CultureInfo.InvariantCulture, out ulong units)
            || (fraction.Length > 0 && (power <= 0 || !IsDigits(fraction))))
        {
            return false;
        }

        int bits = 10 * Math.Max(0, power);
        bytes = units > ulong.MaxValue >> bits ? ulong.MaxValue : (units << bits) + FractionOf(fraction, bits);
        return true;
    }

    private static string Format(double amount, double limit, CultureInfo culture)
    {
        int unit = 0;
        while (amount >= limit && unit < Units.Length - 1)
        {
            amount /= 1024;
            unit++;
        }

        int decimals = amount >= 99.95 ? 0 : amount >= 9.995 ? 1 : amount >= 0.9995 ? 2 : 3;
        return Math.Round(amount, decimals).ToString("0.###", culture) + " " + Units[unit];
    }

    private static bool TryParseHexadecimal(string digits, out ulong value)
    {
        string significant = digits.TrimStart('0');
        if (significant.Length <= 16)
            return ulong.TryParse(digits.Length > 0 && significant.Length == 0 ? "0" : significant, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
        value = ulong.MaxValue;
        return Array.TrueForAll(significant.ToCharArray(), digit => Uri.IsHexDigit(digit));
    }

    private static bool IsDigits(string text) => Array.TrueForAll(text.ToCharArray(), letter => letter is >= '0' and <= '9');

    /// <summary>A decimal fraction of a power of two, rounded down: long division, a bit at a time, since no product of the two fits.</summary>
    private static ulong FractionOf(string digits, int bits)
    {
        digits = digits.Substring(0, Math.Min(digits.Length, MostFractionDigits));
        ulong rest = digits.Length == 0 ? 0 : ulong.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture);
        ulong scale = 1;
        for (int i = 0; i < digits.Length; i++)
            scale *= 10;
        ulong part = 0;
        for (int bit = 0; bit < bits; bit++)
        {
            rest *= 2;
            bool isSet = rest >= scale;
            part = (part << 1) | (isSet ? 1UL : 0);
            rest -= isSet ? scale : 0;
        }

        return part;
    }
}
