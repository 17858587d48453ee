using System;
using System.Globalization;
using System.IO;
using System.Linq;

namespace Qed.Benchmarks;

/// <summary>
/// Measures ours and the peers side by side: dotnet run -c Release [-- ROW ...] with rows of check, convert, compare,
/// lookup, space, bulk, import, optimize, merge and serve; all of them without arguments. Only when named: check-table, the table of docs/check.md (QED_BENCH_PLOT
/// names the file for its plot), and convert-all, every pair of formats. QED_BENCH_GIB is the size of the file system that is
/// converted, QED_BENCH_RUNS how often. QED_BENCH_DIR names the folder for the images (20 GiB are needed).
/// </summary>
internal static class Program
{
    private static int Main(string[] rows)
    {
        if (rows is ["check-one", var image])
        {
            CheckTable.CheckOne(image);
            return 0;
        }

        string parent = Environment.GetEnvironmentVariable("QED_BENCH_DIR") ?? Path.GetTempPath();
        string folder = Directory.CreateDirectory(Path.Combine(parent, "qed-bench-" + Environment.ProcessId.ToString(CultureInfo.InvariantCulture))).FullName;
        try
        {
            Console.WriteLine($"{Environment.ProcessorCount.ToString(CultureInfo.InvariantCulture)} processors; medians; peer and ours in turn; warm cache.");
            if (rows.Length == 0 || rows.Any(row => row is not ("lookup" or "space" or "optimize" or "merge" or "serve") && !row.StartsWith("convert", StringComparison.Ordinal)))
                SideBySide.PrintHeader();
            if (Wants(rows, "check"))
                CheckRow.Run(folder);
            if (rows.Contains("check-table"))
                CheckTable.Run(folder, Environment.GetEnvironmentVariable("QED_BENCH_PLOT"));
            if (Wants(rows, "compare"))
                CompareRows.Run(folder);
            if (Wants(rows, "bulk"))
                BulkRows.Run(folder);
            if (Wants(rows, "import"))
                ImportRow.Run();
            if (Wants(rows, "lookup"))
                LookupRows.Run(folder);
            if (Wants(rows, "space"))
                SpaceRows.Run(folder);
            if (Wants(rows, "convert"))
                ConvertRows.Run(folder, everyPair: false);
            if (Wants(rows, "optimize"))
                OptimizeRows.Run(folder);
            if (Wants(rows, "merge"))
                MergeRows.Run(folder);
            if (Wants(rows, "serve"))
                ServeRows.Run(folder);
            if (rows.Contains("convert-all"))
                ConvertRows.Run(folder, everyPair: true);
            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static bool Wants(string[] rows, string row) => rows.Length == 0 || rows.Contains(row);
}
