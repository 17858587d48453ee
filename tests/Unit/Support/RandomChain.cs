using System;
using System.Collections.Generic;
using System.IO;
using Qed.Engine;
using Qed.Operations;
using Qed.Units;

namespace Qed.Tests.Support;

/// <summary>Images that rest on each other, of random sizes, geometries and contents, and byte arrays that say how each reads.</summary>
internal sealed class RandomChain
{
    private static readonly (int ClusterSize, int TableSize)[] Geometries = [(4096, 2), (8192, 2), (16384, 4), (65536, 4)];

    private readonly Random _random;
    private readonly string _folder;

    /// <param name="folder">Where the images are made.</param>
    /// <param name="random">Decides.</param>
    /// <param name="links">How many images there are, two at least.</param>
    /// <param name="hasRawBase">Whether the lowest one is raw.</param>
    internal RandomChain(string folder, Random random, int links, bool hasRawBase)
    {
        _folder = folder;
        _random = random;
        if (hasRawBase)
            AddRaw();
        else
            AddQed();
        while (Names.Count < links)
            AddQed();
    }

    /// <summary>The images' names, the lowest first.</summary>
    internal List<string> Names { get; } = [];

    /// <summary>How each reads.</summary>
    internal List<byte[]> Disks { get; } = [];

    internal string Top => PathOf(Names.Count - 1);

    internal byte[] TopDisk => Disks[^1];

    internal string PathOf(int link) => Path.Combine(_folder, Names[link]);

    /// <summary>How an image must read once the topmost was merged into it.</summary>
    internal byte[] Merged(int link)
    {
        byte[] disk = new byte[Math.Max(TopDisk.Length, Disks[link].Length)];
        Disks[link].CopyTo(disk, 0);
        TopDisk.CopyTo(disk, 0);
        return disk;
    }

    private int RandomSize() => _random.Next(1, 5000) * 512;

    private void AddRaw()
    {
        byte[] disk = new byte[RandomSize()];
        for (int i = 0; i < 6; i++)
        {
            (int offset, int length) = RandomRange(disk.Length);
            Patterns.Random(length, _random.Next()).CopyTo(disk, offset);
        }

        Names.Add("link0.raw");
        Disks.Add(disk);
        TestImage.WriteSparsely(PathOf(0), disk);
    }

    private void AddQed()
    {
        byte[] disk = new byte[RandomSize()];
        (int clusterSize, int tableSize) = Geometries[_random.Next(Geometries.Length)];
        string? backing = Names.Count > 0 ? Names[^1] : null;
        Names.Add($"link{Names.Count}.qed");
        string path = Path.Combine(_folder, Names[^1]);
        TestImage.Create(path, disk.Length, clusterSize, tableSize, backing, backing is null ? null : Path.GetExtension(backing)[1..]);
        if (backing is not null)
            Disks[^1].AsSpan(0, Math.Min(disk.Length, Disks[^1].Length)).CopyTo(disk);
        using (var image = (QedImage)OpenImage.ForWriting(path))
        {
            for (int i = 0; i < 8; i++)
                Change(image, disk);
        }

        Disks.Add(disk);
    }

    private void Change(QedImage image, byte[] disk)
    {
        (int offset, int length) = RandomRange(disk.Length);
        if (_random.Next(3) > 0)
        {
            byte[] data = Patterns.Random(length, _random.Next());
            // Some of it is zeroes, and some is what lies beneath already.
            if (_random.Next(3) == 0)
                data.AsSpan(length / 3, length / 3).Clear();
            else if (_random.Next(2) == 0)
                disk.AsSpan(offset, length / 2).CopyTo(data);
            image.Write(new GuestOffset(offset), data);
            data.CopyTo(disk, offset);
        }
        else
        {
            image.WriteZeroes(new GuestOffset(offset), length);
            disk.AsSpan(offset, length).Clear();
        }
    }

    private (int Offset, int Length) RandomRange(int size)
    {
        int sectors = size / 512;
        int start = _random.Next(sectors);
        int most = _random.Next(3) == 0 ? 1000 : 60;
        return (start * 512, _random.Next(1, Math.Min(most, sectors - start) + 1) * 512);
    }
}
