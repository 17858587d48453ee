using System;
using Qed.Engine;
using Qed.Formats;
using Qed.Images;
using Qed.Tests.Support;
using Qed.Units;

namespace Qed.Tests.Crashes;

/// <summary>Small images on which crashes are tried: one that is worked on, two that it may rest on, and one that rests on it.</summary>
internal sealed class CrashBed
{
    internal const int Cluster = 4096;

    /// <summary>The names that its images may rest on, the first a QED image and larger, the second raw and smaller.</summary>
    internal static readonly string[] BaseNames = ["base.qed", "base.raw"];

    // Clusters that the device has behind the image as it is at first.
    private const int Room = 40;

    private readonly MemoryStorage[] _starts;

    /// <param name="hasBacking">Whether the image rests on another one at first.</param>
    /// <param name="onDevice">Whether it lies on a block device full of others' data.</param>
    /// <param name="tableSize">Clusters of a table.</param>
    /// <param name="acrossTables">Whether the part of the disk that is used lies in two tables.</param>
    internal CrashBed(bool hasBacking, bool onDevice, int tableSize, bool acrossTables)
    {
        Name = $"{(hasBacking ? "on a backing file" : "alone")}, {(onDevice ? "on a device" : "in a file")}, tables of {tableSize}{(acrossTables ? ", across two" : string.Empty)}";
        Origin = acrossTables ? (tableSize * (2 << 20)) - (5 * Cluster) : 0;
        Disks = [Filled((12 * Cluster) + 1024, 1, (0, 3), (4, 5)), Filled((14 * Cluster) + 512, 2, (0, 2), (3, 9), (12, 14)), Filled((6 * Cluster) + 512, 3, (1, 6))];
        byte[] top = Image(Disks[0], tableSize, hasBacking ? BaseNames[0] : null);
        if (hasBacking)
            Disks[1].AsSpan(3 * Cluster, Cluster).CopyTo(Disks[0].AsSpan(3 * Cluster));
        if (hasBacking)
            Disks[1].AsSpan(5 * Cluster, (7 * Cluster) + 1024).CopyTo(Disks[0].AsSpan(5 * Cluster));
        _starts =
        [
            onDevice ? StaleDevice.Of(top, top.Length + (Room * Cluster)) : new MemoryStorage(top) { HasHoles = true },
            new MemoryStorage(Image(Disks[1], 1, null)) { HasHoles = true },
            Raw(Disks[2]),
        ];
        Array.ForEach(_starts, start => _ = start.Fingerprint);
        Overlay = new MemoryStorage(TestImage.Bytes(Origin + OverlaySize, Cluster, 1, image =>
        {
            foreach ((int offset, byte[] data) in OverlayData)
                image.Write(new GuestOffset(Origin + offset), data);
        }), canWrite: false) { HasHoles = true };
    }

    /// <summary>What it is, for messages.</summary>
    internal string Name { get; }

    /// <summary>Where the part of the disks starts that is used.</summary>
    internal int Origin { get; }

    /// <summary>Whether the first resize makes the disk larger, and the second one smaller.</summary>
    internal bool GrowsFirst => Origin > 0;

    /// <summary>What the image and its bases read as at first, from <see cref="Origin"/> on.</summary>
    internal byte[][] Disks { get; }

    /// <summary>An image that is merged into the one that is worked on where that rests on nothing; it says nothing of most of the disk.</summary>
    internal MemoryStorage Overlay { get; }

    internal static int OverlaySize => 13 * Cluster;

    /// <summary>What the overlay has of its own, in whole clusters.</summary>
    internal static (int Offset, byte[] Data)[] OverlayData { get; } =
        [(Cluster, Patterns.Random(Cluster, 11)), (5 * Cluster, Patterns.Random(2 * Cluster, 12)), (10 * Cluster, Patterns.Random(Cluster, 13))];

    /// <summary>Copies of the files, to work on: the image and its bases.</summary>
    internal MemoryStorage[] Files() => [.. Array.ConvertAll(_starts, start => start.Fork())];

    /// <summary>Opens one of the bases for reading.</summary>
    internal static DiskImage OpenBase(int number, MemoryStorage file)
        => number == 1 ? QedImage.Open(file.ForReading()) : FormatRegistry.Raw.Open(file.ForReading(), ImageOpenOptions.Default);

    /// <summary>The number of the file that an image rests on, by its name; 0 for none.</summary>
    internal static int BaseOf(QedImage image) => image.BackingReference is { } backing ? Array.IndexOf(BaseNames, backing.Name) + 1 : 0;

    private static byte[] Filled(int length, int seed, params (int First, int End)[] data)
    {
        byte[] disk = new byte[length];
        foreach ((int first, int end) in data)
            Patterns.Random((end - first) * Cluster, seed).CopyTo(disk, first * Cluster);
        return disk;
    }

    private byte[] Image(byte[] disk, int tableSize, string? backing) => TestImage.Bytes(Origin + disk.Length, Cluster, tableSize, image =>
    {
        for (int start = 0; start < disk.Length; start += Cluster)
        {
            ReadOnlySpan<byte> part = disk.AsSpan(start, Math.Min(Cluster, disk.Length - start));
            if (part.ContainsAnyExcept((byte)0))
                image.Write(new GuestOffset(Origin + start), part);
        }

        if (backing is not null)
            image.SetBackingName(new BackingReference(backing, null));
    });

    private MemoryStorage Raw(byte[] disk)
    {
        var raw = new MemoryStorage() { HasHoles = true };
        raw.SetLength(Origin + disk.Length);
        raw.Write(Origin, disk);
        return raw;
    }
}
