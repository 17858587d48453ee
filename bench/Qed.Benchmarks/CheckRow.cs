using System;
using System.Globalization;
using System.IO;
using Qed.Operations;

namespace Qed.Benchmarks;

/// <summary>The inventors' question: a 1 TiB disk populated at random, how long does the check take?</summary>
internal static class CheckRow
{
    private const long Size = 1L << 40;

    internal static void Run(string folder)
    {
        string path = Path.Combine(folder, "big.qed");
        BigImage.Make(path, Size, seed: 1);
        CheckResult? result = null;
        SideBySide.Compare(
            "check, 1 TiB, every cluster allocated in random order",
            9,
            () => result = CheckImage.Run(new CheckImageOptions { Path = path }),
            [() => SideBySide.Run("qemu-img", "check", "-f", "qed", path)],
            goal: 4);
        if (result is not { IsClean: true } || result.AllocatedClusters != Size / 65536)
            throw new InvalidOperationException("The check is wrong, so its time means nothing.");
        long memory = CheckTable.PeakMemory(Environment.ProcessPath!, "check-one", path);
        long peer = CheckTable.PeakMemory("qemu-img", "check", "-f", "qed", path);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| its memory, of a whole process | {memory >> 20} MiB | {peer >> 20} MiB | | | below 64 |"));
        File.Delete(path);
    }
}
