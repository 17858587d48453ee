using System;
using System.IO;
using System.Runtime.InteropServices;
using Qed.Layout;
using Qed.Operations;
using Qed.Units;

namespace Qed.Benchmarks;

/// <summary>Optimizing an image where it lies against the usual way, which is to convert it to a new file.</summary>
internal static class OptimizeRows
{
    private const long Size = 2L << 30;
    private const int Cluster = QedGeometry.DefaultClusterSize;
    private const int Runs = 5;

    // Where the header says where the L1 table lies.
    private const long L1Field = 40;

    internal static void Run(string folder)
    {
        SideBySide.PrintDurableHeader();
        Row("optimize, a tenth is leaked (Quick)", folder, OptimizeMode.Quick, Leak);
        Row("optimize, a tenth is zeroes (Full)", folder, OptimizeMode.Full, Clear);
    }

    private static void Row(string work, string folder, OptimizeMode mode, Action<string, Random> waste)
    {
        string model = Path.Combine(folder, "model.qed");
        string target = Path.Combine(folder, "target.qed");
        Fill(model);
        waste(model, new Random(2));
        SideBySide.CompareDurable(
            work,
            Runs,
            () => OptimizeImage.Run(new OptimizeImageOptions { Path = target, Mode = mode }),
            [() => SideBySide.Run("qemu-img", "convert", "-f", "qed", "-O", "qed", model, target)],
            target,
            goal: 5,
            prepare: () => File.Copy(model, target));
        File.Delete(model);
    }

    private static void Fill(string path)
    {
        CreateImage.Run(new CreateImageOptions { Path = path, Size = Size, Force = true });
        using var image = OpenImage.ForWriting(path);
        var random = new Random(1);
        var bytes = new byte[1 << 20];
        for (long offset = 0; offset < Size; offset += bytes.Length)
        {
            random.NextBytes(bytes);
            image.Write(new GuestOffset(offset), bytes);
        }
    }

    /// <summary>Lets the entries of a tenth of the clusters point nowhere.</summary>
    private static void Leak(string path, Random random)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.ReadWrite);
        var number = new ulong[1];
        ulong Read(long offset)
        {
            file.Position = offset;
            file.ReadExactly(MemoryMarshal.AsBytes(number.AsSpan()));
            return number[0];
        }

        long l1 = (long)Read(L1Field);
        QedGeometry geometry = QedGeometry.TryCreate(Cluster, QedGeometry.DefaultTableSize)!;
        for (long offset = 0; offset < Size; offset += Cluster)
        {
            if (random.Next(10) > 0)
                continue;
            var guest = new GuestOffset(offset);
            file.Position = (long)Read(l1 + (geometry.L1Index(guest) * 8L)) + (geometry.L2Index(guest) * 8L);
            file.Write(new byte[8]);
        }
    }

    /// <summary>Lets the guest write zeroes over a tenth of the clusters.</summary>
    private static void Clear(string path, Random random)
    {
        using var image = OpenImage.ForWriting(path);
        for (long offset = 0; offset < Size; offset += Cluster)
        {
            if (random.Next(10) == 0)
                image.Write(new GuestOffset(offset), new byte[Cluster]);
        }
    }
}
