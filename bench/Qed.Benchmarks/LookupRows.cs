using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Qed.Engine;
using Qed.Images;
using Qed.Layout;
using Qed.Units;

namespace Qed.Benchmarks;

/// <summary>
/// What it costs to find where guest bytes lie, on 1 TiB whose clusters are all allocated in random order: where the table
/// is in memory, where mostly it is not, and in order.
/// </summary>
internal static class LookupRows
{
    private const long Size = 1L << 40;
    // Its tables fit into memory.
    private const long Near = 64L << 30;
    private const int Cluster = QedGeometry.DefaultClusterSize;
    private const int Runs = 5;

    private static readonly int[] Threads = [1, 4];

    internal static void Run(string folder)
    {
        string path = Path.Combine(folder, "lookup.qed");
        BigImage.Make(path, Size, seed: 1);
        using QedImage image = QedImage.Open(path);
        Console.WriteLine();
        Console.WriteLine("| work | ns each, 1 thread | ns each, 4 threads together |");
        Console.WriteLine("|---|---|---|");
        Row("look-up, random, table in memory", 4_000_000, (random, _) => Find(image, random.NextInt64(Near / Cluster)));
        Row("look-up, random over 1 TiB", 40_000, (random, _) => Find(image, random.NextInt64(Size / Cluster)));
        Row("look-up, cluster after cluster", 4_000_000, (_, i) => Find(image, i));
        Row("read of 4 KiB, random, table in memory", 200_000, (random, _) => Read(image, random.NextInt64(Near / Cluster)));
        Row("read of 4 KiB, random over 1 TiB", 40_000, (random, _) => Read(image, random.NextInt64(Size / Cluster)));
        image.Dispose();
        File.Delete(path);
    }

    private static void Row(string work, int count, Action<Random, long> one)
        => Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {work} | {string.Join(" | ", Threads.Select(threads => Nanoseconds(threads, count, one).ToString("0", CultureInfo.InvariantCulture)))} |"));

    /// <summary>The time that one takes, all threads' counted together; the median of some runs after one to warm up.</summary>
    private static double Nanoseconds(int threads, int count, Action<Random, long> one)
    {
        double Once() => SideBySide.Time(() => Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads }, thread =>
        {
            var random = new Random(thread);
            long first = (long)thread * count / threads;
            for (int i = 0; i < count / threads; i++)
                one(random, first + i);
        })) * 1e9 / count;
        Once();
        return SideBySide.Median(Enumerable.Range(0, Runs).Select(_ => Once()).ToArray());
    }

    private static void Find(DiskImage image, long cluster)
    {
        if (image.GetExtent(new GuestOffset(cluster * Cluster), 1).Kind != ExtentKind.Data)
            throw new InvalidOperationException("Every cluster is allocated.");
    }

    private static void Read(DiskImage image, long cluster)
    {
        Span<byte> block = stackalloc byte[4096];
        image.Read(new GuestOffset(cluster * Cluster), block);
    }
}
