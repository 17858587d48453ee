using System.Globalization;

namespace Qed.Tool.Output;

/// <summary>Sizes for people, in three digits: "260 KiB", "1.21 MiB".</summary>
internal static class HumanSize
{
    private static readonly string[] Units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

    internal static string Of(long bytes)
    {
        double value = bytes;
        int unit = 0;
        // Four digits would not fit.
        while (value >= 1000 && unit < Units.Length - 1)
        {
            value /= 1024;
            unit++;
        }

        return value.ToString("G3", CultureInfo.InvariantCulture) + " " + Units[unit];
    }
}
