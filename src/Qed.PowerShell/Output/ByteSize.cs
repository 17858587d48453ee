using System;
using System.Globalization;

namespace Qed;

/// <summary>Writes amounts of bytes as people read them; the module's format file uses it.</summary>
public static class ByteSize
{
    private static readonly string[] Units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

    /// <summary>An amount in the largest unit that leaves at least 1, with three significant digits: <c>10 GiB</c>, <c>1.46 MiB</c>, <c>193 KiB</c>.</summary>
    /// <param name="bytes">The amount; null gives an empty text.</param>
    public static string Format(ulong? bytes)
    {
        if (bytes is not { } count)
            return string.Empty;
        double amount = count;
        int unit = 0;
        // From here on it would be rounded to 1024.
        while (amount >= 1023.5 && unit < Units.Length - 1)
        {
            amount /= 1024;
            unit++;
        }

        int decimals = amount >= 99.95 ? 0 : amount >= 9.995 ? 1 : 2;
        string format = unit == 0 ? "0" : decimals switch { 0 => "0", 1 => "0.#", _ => "0.##" };
        return Math.Round(amount, decimals).ToString(format, CultureInfo.CurrentCulture) + " " + Units[unit];
    }
}
