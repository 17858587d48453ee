using System.Collections.Generic;
using System.IO;
using System.Linq;
using Qed.Server;

namespace Qed.Tool.Output;

/// <summary>What a server offers, as qemu-nbd --list writes it.</summary>
internal static class ExportListText
{
    private const int HasFlags = 1;

    // By their bits; those without a name are not shown.
    private static readonly string?[] FlagNames = [null, "readonly", "flush", "fua", "rotational", "trim", "zeroes", "df", "multi", "resize", "cache", "fast-zero"];

    internal static void Write(TextWriter output, IReadOnlyList<NbdExportDescription> exports)
    {
        output.WriteLine($"exports available: {Digits.Number(exports.Count)}");
        foreach (NbdExportDescription export in exports)
            Write(output, export);
    }

    private static void Write(TextWriter output, NbdExportDescription export)
    {
        output.WriteLine($" export: '{Printable.Text(export.Name)}'");
        if (export.Description.Length > 0)
            output.WriteLine($"  description: {Printable.Text(export.Description)}");
        if ((export.Flags & HasFlags) != 0)
        {
            output.WriteLine($"  size:  {Digits.Number(export.Size ?? 0)}");
            output.WriteLine($"  flags: 0x{export.Flags:x} ({string.Concat(FlagNames.Where((name, bit) => name is not null && (export.Flags >> bit & 1) != 0).Select(name => " " + name))} )");
        }

        if (export.MinimumRequest > 0)
        {
            output.WriteLine($"  min block: {Digits.Number(export.MinimumRequest)}");
            output.WriteLine($"  opt block: {Digits.Number(export.PreferredRequest)}");
            output.WriteLine($"  max block: {Digits.Number(export.MaximumRequest)}");
        }

        if (export.MetadataContexts.Count == 0)
            return;
        output.WriteLine($"  available meta contexts: {Digits.Number(export.MetadataContexts.Count)}");
        foreach (string context in export.MetadataContexts)
            output.WriteLine($"   {Printable.Text(context)}");
    }
}
