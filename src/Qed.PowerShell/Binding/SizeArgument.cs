using System.Globalization;

namespace Qed.PowerShell.Binding;

/// <summary>Sizes as users give them; the engine counts in signed numbers, as the host does.</summary>
internal static class SizeArgument
{
    private const long Sector = 512;

    /// <exception cref="DiskImageException">InvalidSize, for a size that no file can have.</exception>
    internal static long? ToBytes(ulong? size, string path)
    {
        if (size is null or <= long.MaxValue)
            return (long?)size;
        throw new DiskImageException(ErrorKind.InvalidSize, $"{Text(size.Value)} bytes are more than a file can hold", path)
        {
            Remedy = Remedy.Advice($"The largest size is {Text(long.MaxValue / Sector * Sector)}."),
        };

        static string Text(ulong value) => value.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>A sector size in the engine's numbers.</summary>
    internal static int? ToSectorSize(uint? size) => size is > int.MaxValue ? int.MaxValue : (int?)size;

    /// <summary>A cluster size in the engine's numbers. One beyond them stays far out of bounds, and the format says which those are.</summary>
    internal static long? ToClusterSize(ulong? size) => size is > long.MaxValue ? long.MaxValue : (long?)size;
}
