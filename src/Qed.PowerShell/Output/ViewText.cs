using System;
using System.Globalization;

namespace Qed;

/// <summary>Numbers as the views show them.</summary>
internal static class ViewText
{
    /// <summary>An amount both ways: <c>64 MiB (67,108,864 bytes)</c>.</summary>
    internal static string? Bytes(ulong? bytes)
        => bytes is null ? null : bytes < 1024 ? $"{bytes} bytes" : $"{ByteSize.Format(bytes)} ({bytes.Value.ToString("N0", CultureInfo.CurrentCulture)} bytes)";

    /// <summary>A place on a disk or in a file.</summary>
    internal static string? Hex(ulong? offset) => offset is null ? null : "0x" + offset.Value.ToString("x", CultureInfo.InvariantCulture);

    /// <summary>A share of a whole in percent; null where there is no whole.</summary>
    internal static string? Share(double? part, double? whole)
        => part is null || whole is null or 0 ? null : Percent(100 * part.Value / whole.Value);

    internal static string Percent(double percentage)
        => Math.Round(percentage, percentage < 9.95 ? 1 : 0).ToString("0.#", CultureInfo.CurrentCulture) + " %";
}
