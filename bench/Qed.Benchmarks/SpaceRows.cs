using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using Qed.Engine;
using Qed.Operations;
using Qed.Storage;
using Qed.Units;

namespace Qed.Benchmarks;

/// <summary>
/// What an image takes on the host that is written, discarded and written elsewhere again and again; and how long the first
/// request waits after opening a large image, and how long it takes until its free clusters are known, also where the system
/// holds nothing of the file in memory.
/// </summary>
internal static class SpaceRows
{
    private const int Rounds = 100;
    private const int Piece = 16 << 20;

    internal static void Run(string folder)
    {
        Console.WriteLine();
        Console.WriteLine("| 16 MiB written at a new place, then discarded, 100 times | longest file, MiB | most on the host, MiB | left on the host, MiB | s |");
        Console.WriteLine("|---|---|---|---|---|");
        Churn("ours", folder, path =>
        {
            CreateImage.Run(new CreateImageOptions { Path = path, Size = (long)Rounds * Piece });
            byte[] data = new byte[Piece];
            Array.Fill(data, (byte)1);
            using QedImage image = QedImage.Open(path, new QedOpenOptions { ForWriting = true });
            for (int round = 0; round < Rounds; round++)
            {
                image.Write(new GuestOffset((long)round * Piece), data);
                image.Discard(new GuestOffset((long)round * Piece), Piece);
            }
        });
        Churn("qcow2 in QEMU, discard=unmap", folder, path => QemuIo(path, "qcow2"));
        Churn("QED in QEMU, discard=unmap", folder, path => QemuIo(path, "qed"));
        Console.WriteLine();
        Console.WriteLine("| every cluster allocated, in random order | first read of 4 KiB, ms | first allocating write, ms | free clusters known, 256 MiB/s, s | at full rate, s | the same, cold, s |");
        Console.WriteLine("|---|---|---|---|---|---|");
        foreach (int tebibytes in new[] { 1, 10 })
            Open(Path.Combine(folder, "large.qed"), tebibytes);
    }

    private static void QemuIo(string path, string format)
    {
        SideBySide.Run("qemu-img", "create", "-q", "-f", format, path, ((long)Rounds * Piece).ToString(CultureInfo.InvariantCulture));
        List<string> arguments = ["-f", format, "-d", "unmap"];
        for (int round = 0; round < Rounds; round++)
        {
            arguments.AddRange(["-c", FormattableString.Invariant($"write -q -P 1 {(long)round * Piece} {Piece}")]);
            arguments.AddRange(["-c", FormattableString.Invariant($"discard -q {(long)round * Piece} {Piece}")]);
        }

        SideBySide.Run("qemu-io", [.. arguments, path]);
    }

    /// <summary>Looks at the file every few milliseconds while somebody works with it.</summary>
    private static void Churn(string name, string folder, Action<string> work)
    {
        string path = Path.Combine(folder, "churn.img");
        long longest = 0;
        long most = 0;
        using var isOver = new ManualResetEventSlim();
        var watcher = new Thread(() =>
        {
            while (!isOver.Wait(2))
            {
                if (!File.Exists(path))
                    continue;
                using HostFile file = HostFile.Open(path, StorageAccess.Peek);
                longest = Math.Max(longest, file.Length);
                most = Math.Max(most, file.AllocatedLength!.Value);
            }
        });
        watcher.Start();
        double seconds;
        try
        {
            seconds = SideBySide.Time(() => work(path));
        }
        finally
        {
            isOver.Set();
            watcher.Join();
        }

        using (HostFile file = HostFile.Open(path, StorageAccess.Peek))
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {name} | {Mebibytes(longest)} | {Mebibytes(most)} | {Mebibytes(file.AllocatedLength!.Value)} | {seconds:0.0} |"));
        File.Delete(path);
    }

    private static void Open(string path, int tebibytes)
    {
        BigImage.Make(path, (long)tebibytes << 40, seed: 1);
        double read = 0;
        double write = 0;
        double slow = Known(path, 256 << 20, first: image =>
        {
            byte[] block = new byte[4096];
            read = SideBySide.Time(() => image.Read(new GuestOffset(123L << 20), block));
            image.Discard(new GuestOffset(200L << 20), 1 << 20);
            write = SideBySide.Time(() => image.Write(new GuestOffset(200L << 20), block));
        });
        double fast = SideBySide.Median(Enumerable.Range(0, 3).Select(run => Known(path, long.MaxValue, image => image.Discard(new GuestOffset((300L + run) << 20), 1 << 20))));
        using (HostFile file = HostFile.Open(path, StorageAccess.Write))
        {
            file.Flush();
            file.DropCache();
        }

        double cold = Known(path, long.MaxValue, image => image.Discard(new GuestOffset(400L << 20), 1 << 20));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {tebibytes} TiB | {read * 1000:0.0} | {write * 1000:0.0} | {slow:0.00} | {fast:0.00} | {cold:0.00} |"));
        File.Delete(path);
    }

    /// <summary>The time from opening until free clusters are known.</summary>
    private static double Known(string path, long bytesPerSecond, Action<QedImage> first)
    {
        QedImage? image = null;
        double seconds = SideBySide.Time(() =>
        {
            image = QedImage.Open(path, new QedOpenOptions { ForWriting = true, ScanBytesPerSecond = bytesPerSecond });
            first(image);
            while (image.Space.FreeCount is null)
                Thread.Sleep(1);
        });
        image!.Dispose();
        return seconds;
    }

    private static string Mebibytes(long bytes) => (bytes >> 20).ToString(CultureInfo.InvariantCulture);
}
