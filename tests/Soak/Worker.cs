using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Threading;
using System.Threading.Tasks;
using Qed.Images;
using Qed.Operations;

namespace Qed.Tests.Soak;

/// <summary>Works on a chain of its own, and keeps a hash of what each image must show.</summary>
internal sealed class Worker : Role
{
    private const int KiB = 1 << 10;
    private const int LargestDisk = 6 << 20;
    private const int LongestChain = 4;
    private const int MostRemembered = 12;

    private readonly string _folder;
    private readonly Random _random;
    private readonly List<Link> _chain = [];
    // For whoever wants to know what led to a failure.
    private readonly Queue<string> _last = [];
    // What the topmost image must show.
    private byte[] _disk;
    private int _created;

    internal Worker(string folder, int seed)
    {
        _folder = folder;
        _random = new Random(seed);
        _disk = new byte[2 << 20];
        _random.NextBytes(_disk.AsSpan(0, 300 * KiB));
        string path = Path.Combine(_folder, "base.raw");
        File.WriteAllBytes(path, _disk);
        _chain.Add(new Link(path, "raw", Hash(_disk)));
        Snapshot();
    }

    protected override string Name => Path.GetFileName(_folder);

    private string Top => _chain[^1].Path;

    protected override void Step()
    {
        (string name, Action work) = _random.Next(21) switch
        {
            < 6 => ("write", (Action)Write),
            < 9 => ("threads", WriteByThreads),
            9 or 10 => ("resize", Resize),
            11 or 12 => ("snapshot", Snapshot),
            13 => ("merge", Merge),
            14 => ("re-parent", Reparent),
            15 => ("optimize", Optimize),
            20 => ("detach", Detach),
            16 => ("convert", Convert),
            17 => ("repair", () => Require(RepairImage.Run(new RepairImageOptions { Path = Top }).Changes.Count == 0, "there is nothing to repair")),
            _ => ("hash", () => Require(string.Equals(HashImage.Run(new HashImageOptions { Path = Top }).Hash, Hash(_disk), StringComparison.OrdinalIgnoreCase), "the hash is that of what was written")),
        };
        Patiently(work);
        Count(name);
        _last.Enqueue($"{name} ({_chain.Count} images, {_disk.Length} bytes)");
        if (_last.Count > MostRemembered)
            _last.Dequeue();
        Patiently(() => Require(CheckImage.Run(new CheckImageOptions { Path = Top }) is { IsClean: true, NeedsCheck: false, EntriesBeyondEnd: 0 }, "the image is sound"));
        Verify();
    }

    /// <summary>An onlooker reads now and then, which excludes a writer for that time; nothing was done then.</summary>
    private void Patiently(Action work)
    {
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                work();
                return;
            }
            catch (DiskImageException error) when (error.Kind == ErrorKind.ImageInUse && attempt < 2000)
            {
                Count("(in use)");
                Thread.Sleep(5);
            }
        }
    }

    private void Verify() => Patiently(() =>
    {
        byte[] seen = ReadContent.ToArray(new ReadContentOptions { Path = Top });
        Require(seen.Length == _disk.Length, $"the disk has {_disk.Length} bytes, not {seen.Length}");
        int differs = seen.AsSpan().CommonPrefixLength(_disk);
        Require(differs == seen.Length, $"the guest sees what was written, also at {differs}");
        // What lies below was not touched.
        Link below = _chain[_random.Next(_chain.Count - 1)];
        Require(Hash(ReadContent.ToArray(new ReadContentOptions { Path = below.Path })) == below.Hash, "what an image rests on is as it was");
    });

    /// <summary>The topmost image comes to stand alone while threads work on it, and all below it goes; the next one rests on it.</summary>
    private void Detach()
    {
        using (WritableDiskImage image = OpenImage.ForWriting(Top))
        {
            Task detaching = Task.Run(() => DetachImage.Run(image, new DetachImageOptions { MaximumBytesPerSecond = 20 << 20 }));
            ChangeByThreads(image);
            detaching.GetAwaiter().GetResult();
        }

        foreach (Link gone in _chain.SkipLast(1))
            File.Delete(gone.Path);
        _chain.RemoveRange(0, _chain.Count - 1);
        _chain[0] = _chain[0] with { Hash = Hash(_disk) };
        Snapshot();
    }

    private void Write()
    {
        using WritableDiskImage image = OpenImage.ForWriting(Top);
        for (int i = _random.Next(12); i >= 0; i--)
            Change(image, _random, 0, _disk.Length);
        image.Flush();
    }

    private void WriteByThreads()
    {
        using WritableDiskImage image = OpenImage.ForWriting(Top);
        ChangeByThreads(image);
    }

    /// <summary>Each thread has a part of the disk to itself.</summary>
    private void ChangeByThreads(WritableDiskImage image)
    {
        const int Threads = 3;
        int part = _disk.Length / Threads / 512 * 512;
        int[] seeds = [.. Enumerable.Range(0, Threads).Select(_ => _random.Next())];
        if (part == 0)
            return;
        Parallel.For(0, Threads, new ParallelOptions { MaxDegreeOfParallelism = Threads }, thread =>
        {
            var random = new Random(seeds[thread]);
            for (int i = 0; i < 8; i++)
            {
                Change(image, random, thread * part, part);
                if (random.Next(4) == 0)
                    image.Flush();
            }
        });
    }

    private void Change(WritableDiskImage image, Random random, int start, int length)
    {
        int offset = start + random.Next(length);
        int count = Math.Min(start + length - offset, 1 + random.Next(random.Next(4) == 0 ? 400 * KiB : 20 * KiB));
        byte[] data = new byte[count];
        switch (random.Next(4))
        {
            case 0:
                image.Discard(offset, count);
                break;
            case 1:
                image.WriteZeroes(offset, count);
                break;
            default:
                random.NextBytes(data);
                image.Write(offset, data);
                break;
        }

        data.CopyTo(_disk.AsSpan(offset));
    }

    private void Resize()
    {
        int size = (1 + _random.Next(LargestDisk / 512)) * 512;
        ResizeImage.Run(new ResizeImageOptions { Path = Top, Size = size, AllowShrink = true });
        Array.Resize(ref _disk, size);
    }

    private void Snapshot()
    {
        if (_chain.Count > LongestChain)
        {
            Merge();
            return;
        }

        string path = Path.Combine(_folder, $"link{_created++}.qed");
        if (_chain.Count > 1)
            _chain[^1] = _chain[^1] with { Hash = Hash(_disk) };
        CreateImage.Run(new CreateImageOptions
        {
            Path = path,
            ClusterSize = (4 * KiB) << _random.Next(5),
            TableSize = 1 << _random.Next(1, 4),
            BackingPath = Top,
            BackingFormat = _chain[^1].Format,
        });
        _chain.Add(new Link(path, "qed", string.Empty));
    }

    /// <summary>The topmost image goes into one below it, and all between go with it.</summary>
    private void Merge()
    {
        if (_chain.Count < 3)
            return;
        int into = _random.Next(1, _chain.Count - 1);
        byte[] below = ReadContent.ToArray(new ReadContentOptions { Path = _chain[into].Path });
        MergeImage.Run(new MergeImageOptions { Path = Top, DestinationPath = _chain[into].Path, Overlay = MergedOverlay.Deleted });
        foreach (Link gone in _chain.Skip(into + 1))
            Require(!File.Exists(gone.Path), "what was merged is deleted");
        _chain.RemoveRange(into + 1, _chain.Count - into - 1);
        // A destination that is longer keeps what lies behind.
        if (below.Length > _disk.Length)
            _disk = [.. _disk, .. below[_disk.Length..]];
    }

    private void Reparent()
    {
        int onto = _random.Next(_chain.Count - 1);
        SetBackingFile.Run(new SetBackingFileOptions { Path = Top, BackingPath = _chain[onto].Path, BackingFormat = _chain[onto].Format });
        foreach (Link gone in _chain.Skip(onto + 1).SkipLast(1))
            File.Delete(gone.Path);
        _chain.RemoveRange(onto + 1, _chain.Count - onto - 2);
    }

    private void Optimize() => OptimizeImage.Run(new OptimizeImageOptions { Path = Top, Mode = (OptimizeMode)_random.Next(3) });

    private void Convert()
    {
        string[] formats = ["raw", "qcow2", "vhdx", "vmdk", "vdi", "qed"];
        string target = Path.Combine(_folder, "converted.img");
        ConvertImage.Run(new ConvertImageOptions { Path = Top, DestinationPath = target, Format = formats[_random.Next(formats.Length)], Verify = true, Force = true });
        File.Delete(target);
    }

    private void Require(bool holds, string promise)
    {
        if (!holds)
            throw new PromiseException($"{promise}, after {string.Join(", ", _last)}");
    }

    private static string Hash(byte[] bytes) => System.Convert.ToHexString(SHA256.HashData(bytes));

    /// <param name="Path">The image.</param>
    /// <param name="Format">Its format.</param>
    /// <param name="Hash">Of what it must show; of the topmost one that is known otherwise.</param>
    private sealed record Link(string Path, string Format, string Hash);
}
