using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Qed.Engine;
using Qed.Formats;
using Qed.Images;
using Qed.Layout;
using Qed.Tests.Formats.Vhdx;
using Qed.Tests.Support;

namespace Qed.Tests.Fuzzing;

/// <summary>Small images of every format and subformat, as our own writers make them.</summary>
internal static class FuzzSeeds
{
    private const int KiB = 1 << 10;
    private const int MiB = 1 << 20;

    /// <summary>All of them, always in the same order.</summary>
    internal static IReadOnlyList<FuzzSeed> Own { get; } = [.. Qed(), .. Qcow2(), .. Vhd(), .. Vhdx(), .. Vmdk(), .. Vdi(), .. Raw()];

    private static IEnumerable<FuzzSeed> Qed()
    {
        yield return One("4 KiB, tables of 1", "qed", new() { Size = 100 * KiB + 512, ClusterSize = 4 * KiB, TableSize = 1 });
        yield return One("4 KiB, two tables of 1", "qed", new() { Size = 2 * MiB + (100 * KiB), ClusterSize = 4 * KiB, TableSize = 1 });
        yield return One("16 KiB, tables of 4", "qed", new() { Size = 400 * KiB, ClusterSize = 16 * KiB, TableSize = 4 });
        yield return Two("on raw", "qed", new() { Size = 200 * KiB, ClusterSize = 4 * KiB, TableSize = 2 }, "raw", new() { Size = 100 * KiB });
        yield return Two("on QED", "qed", new() { Size = 160 * KiB, ClusterSize = 8 * KiB, TableSize = 1 }, "qed", new() { Size = 200 * KiB, ClusterSize = 4 * KiB, TableSize = 1 });
        yield return Unclean();
    }

    private static IEnumerable<FuzzSeed> Qcow2()
    {
        yield return One("512 bytes", "qcow2", new() { Size = 90 * KiB, ClusterSize = 512 });
        yield return One("4 KiB", "qcow2", new() { Size = 200 * KiB, ClusterSize = 4 * KiB });
        yield return One("64 KiB", "qcow2", new() { Size = 300 * KiB });
        yield return One("compressed", "qcow2", new() { Size = 200 * KiB, ClusterSize = 4 * KiB, Compress = true });
        yield return Two("on raw", "qcow2", new() { Size = 200 * KiB, ClusterSize = 4 * KiB }, "raw", new() { Size = 100 * KiB });
        yield return Two("on QED", "qcow2", new() { Size = 100 * KiB, ClusterSize = 4 * KiB }, "qed", new() { Size = 200 * KiB, ClusterSize = 4 * KiB, TableSize = 1 });
    }

    private static IEnumerable<FuzzSeed> Vhd()
    {
        yield return One("dynamic", "vhd", new() { Size = MiB + (37 * KiB), ClusterSize = 512 * KiB });
        yield return One("fixed", "vhd", new() { Size = MiB, Subformat = Subformat.Fixed });
        yield return Two("differencing", "vhd", new() { Size = MiB, ClusterSize = 512 * KiB }, "vhd", new() { Size = MiB, ClusterSize = 512 * KiB });
    }

    private static IEnumerable<FuzzSeed> Vhdx()
    {
        yield return One("dynamic", "vhdx", new() { Size = 2 * MiB + (64 * KiB), ClusterSize = MiB });
        yield return One("fixed, sectors of 4 KiB", "vhdx", new() { Size = MiB, ClusterSize = MiB, Subformat = Subformat.Fixed, LogicalSectorSize = 4096 });
        yield return Two("differencing", "vhdx", new() { Size = 2 * MiB, ClusterSize = MiB }, "vhdx", new() { Size = 2 * MiB, ClusterSize = MiB });
        yield return WithLog();
    }

    private static IEnumerable<FuzzSeed> Vmdk()
    {
        yield return One("sparse", "vmdk", new() { Size = 300 * KiB, ClusterSize = 8 * KiB });
        yield return One("stream", "vmdk", new() { Size = 300 * KiB, ClusterSize = 8 * KiB, Subformat = Subformat.StreamOptimized });
        yield return One("flat", "vmdk", new() { Size = 100 * KiB, Subformat = Subformat.Fixed });
        yield return Two("on VMDK", "vmdk", new() { Size = 200 * KiB, ClusterSize = 8 * KiB }, "vmdk", new() { Size = 200 * KiB, ClusterSize = 8 * KiB });
    }

    private static IEnumerable<FuzzSeed> Vdi()
    {
        yield return One("dynamic", "vdi", new() { Size = 2 * MiB + (11 * KiB) });
        yield return One("fixed", "vdi", new() { Size = MiB, Subformat = Subformat.Fixed });
    }

    private static IEnumerable<FuzzSeed> Raw()
    {
        yield return One("a disk with partitions", "raw", new() { Size = 64 * KiB });
    }

    private static FuzzSeed One(string name, string format, TargetOptions options)
    {
        MemoryImage image = Write("image", format, options, 1);
        return new FuzzSeed(name, FormatRegistry.ByName(format), image.Contents);
    }

    private static FuzzSeed Two(string name, string format, TargetOptions options, string baseFormat, TargetOptions baseOptions)
    {
        MemoryImage below = Write("base", baseFormat, baseOptions, 2);
        using DiskImage parent = below.Read(FormatRegistry.ByName(baseFormat));
        var reference = new BackingReference(Path.GetFileName(below.Target), baseFormat == "raw" ? "raw" : null);
        MemoryImage image = Write("image", format, options with { Backing = reference, BackingImage = parent }, 3);
        return new FuzzSeed(name, FormatRegistry.ByName(format), image.Contents.Concat(below.Contents));
    }

    /// <summary>An image that was not closed cleanly, with a leak, zero clusters and a free cluster.</summary>
    private static FuzzSeed Unclean()
    {
        MemoryImage image = Write("image", "qed", new() { Size = 150 * KiB, ClusterSize = 4 * KiB, TableSize = 1 }, 4);
        using (QedImage opened = QedImage.Open(image.Storage, new QedOpenOptions { ForWriting = true }))
        {
            opened.MarkZero(new(40 * KiB), 20 * KiB);
            opened.Discard(0, 8 * KiB);
        }

        byte[] bytes = MemoryImage.BytesOf(image.Storage);
        bytes[16] |= (byte)QedFeatures.NeedCheck;
        byte[] leaks = Patterns.Random(3 * 4 * KiB, 5);
        return new FuzzSeed("not closed cleanly", FormatRegistry.Qed, [(Path.GetFileName(image.Target), [.. bytes, .. leaks])]);
    }

    /// <summary>An image whose last changes are in its log only.</summary>
    private static FuzzSeed WithLog()
    {
        MemoryImage image = Write("image", "vhdx", new() { Size = MiB, ClusterSize = MiB }, 6);
        byte[] bytes = MemoryImage.BytesOf(image.Storage);
        var log = new Guid("01234567-89ab-cdef-0123-456789abcdef");
        foreach (int header in new[] { 64 * KiB, 128 * KiB })
            log.TryWriteBytes(bytes.AsSpan(header + 48));
        byte[] last = new LogEntryBuilder(log, 7) { FlushedFileOffset = (ulong)bytes.Length, LastFileOffset = (ulong)bytes.Length }
            .Data(bytes.Length - MiB, Patterns.Random(4 * KiB, 7))
            .Zeroes(bytes.Length - MiB + (64 * KiB), 8 * KiB)
            .Build();
        last.CopyTo(bytes, MiB);
        new Anatomy.VhdxAnatomy().Seal(bytes, []);
        return new FuzzSeed("with a log", FormatRegistry.ByName("vhdx"), [(Path.GetFileName(image.Target), bytes)]);
    }

    private static MemoryImage Write(string name, string format, TargetOptions options, int seed)
    {
        ImageFormat written = FormatRegistry.ByName(format);
        var image = new MemoryImage(name + written.Extensions[0]);
        byte[] disk = Disk((int)options.Size, seed);
        if (options.BackingImage is { } backing)
        {
            byte[] below = new byte[disk.Length];
            backing.ReadOrZero(default, below);
            // Every third 20 KiB are the image's own.
            for (int start = 0; start < disk.Length; start += 20 * KiB)
            {
                if (start / (20 * KiB) % 3 != 0)
                    below.AsSpan(start, Math.Min(20 * KiB, disk.Length - start)).CopyTo(disk.AsSpan(start));
            }
        }

        image.Fill(written, disk, options);
        return image;
    }

    /// <summary>Partitions, and runs of noise, of text and of nothing, the same for the same number.</summary>
    private static byte[] Disk(int size, int seed)
    {
        byte[] disk = new byte[size];
        for (int start = 0; start < size; start += start is > 200 * KiB and < MiB ? MiB : 70 * KiB)
        {
            Patterns.Random(Math.Min(9 * KiB, size - start), seed + start).CopyTo(disk, start);
            int text = Math.Min(size, start + (30 * KiB));
            disk.AsSpan(text, Math.Min(12 * KiB, size - text)).Fill((byte)('a' + seed));
        }

        disk[510] = 0x55;
        disk[511] = 0xaa;
        return disk;
    }
}
