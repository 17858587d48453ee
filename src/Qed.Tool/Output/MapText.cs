using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;

namespace Qed.Tool.Output;

/// <summary>A map as qemu-img writes it.</summary>
internal static class MapText
{
    /// <summary>The part of a run that lies in a range; one of no length where none does.</summary>
    internal static MappedExtent Clip(MappedExtent extent, long start, long end)
    {
        long skipped = Math.Max(0, start - extent.Offset);
        long length = Math.Min(extent.End, end) - (extent.Offset + skipped);
        return extent with
        {
            Offset = extent.Offset + skipped,
            Length = Math.Max(0, length),
            HostOffset = extent.HostOffset is { } host ? host + skipped : null,
        };
    }

    /// <summary>Writes a table of the runs that hold data.</summary>
    /// <returns>False where some data lies nowhere as it is: the table ends there.</returns>
    internal static bool WriteTable(TextWriter output, IEnumerable<MappedExtent> extents, Func<string, string> nameOf)
    {
        // The heading waits for the first run: where there is none because the image cannot be opened, an error is all there is.
        using IEnumerator<MappedExtent> data = extents.Where(extent => extent.Kind == ExtentKind.Data).GetEnumerator();
        bool hasData = data.MoveNext();
        output.WriteLine($"{"Offset",-16}{"Length",-16}{"Mapped to",-16}File");
        for (; hasData; hasData = data.MoveNext())
        {
            MappedExtent extent = data.Current;
            if (extent.HostOffset is not { } host)
                return false;
            output.WriteLine($"{Hexadecimal(extent.Offset),-16}{Hexadecimal(extent.Length),-16}{Hexadecimal(host),-16}{Printable.Text(nameOf(extent.HostPath!))}");
        }

        return true;
    }

    /// <summary>Writes all runs, one a line.</summary>
    internal static void WriteJson(TextWriter output, IEnumerable<MappedExtent> extents, long start)
    {
        string before = "[";
        foreach (MappedExtent extent in extents)
        {
            output.Write(before);
            output.Write(string.Create(
                CultureInfo.InvariantCulture,
                $"{{ \"start\": {extent.Offset}, \"length\": {extent.Length}, \"depth\": {extent.Depth}, \"present\": {Word(extent.Kind != ExtentKind.Unallocated)}, \"zero\": {Word(extent.Kind != ExtentKind.Data)}, \"data\": {Word(extent.Kind == ExtentKind.Data)}"));
            if (extent.HostOffset is { } host)
                output.Write(string.Create(CultureInfo.InvariantCulture, $", \"offset\": {host}"));
            output.Write('}');
            before = ",\n";
        }

        // An empty range is told by one run of no length.
        if (before == "[")
            output.Write(string.Create(CultureInfo.InvariantCulture, $"[{{ \"start\": {start}, \"length\": 0, \"depth\": 0, \"present\": false, \"zero\": false, \"data\": false}}"));
        output.WriteLine("]");
    }

    private static string Word(bool value) => value ? "true" : "false";

    private static string Hexadecimal(long value) => value == 0 ? "0" : "0x" + value.ToString("x", CultureInfo.InvariantCulture);
}
