using System;
using System.IO;
using Qed.Operations;
using Qed.Storage;

namespace Qed.Benchmarks;

/// <summary>The images that are served: those that are only read, or written where they are, are made once; others for each run.</summary>
/// <param name="folder">Where they lie.</param>
internal sealed class ServeImages(string folder) : IDisposable
{
    private const long Size = 8L << 30;
    private const long Filled = 1L << 30;

    private string? _filled;
    private string? _raw;
    private string? _big;

    internal string Socket => Path.Combine(folder, "socket");

    /// <summary>A raw file with what fills a part of a disk.</summary>
    internal string Data => MakeOnce(ref _raw, "data.raw", path =>
    {
        using FileStream file = File.Create(path);
        Fill((offset, bytes) => file.Write(bytes));
        file.SetLength(Size);
    });

    /// <summary>The image that a run is to begin with, at rest.</summary>
    internal string For(ServeWorkload workload, string format)
    {
        string path = workload.Contents switch
        {
            ServeContents.Filled => MakeOnce(ref _filled, "filled.qed", MakeFilled),
            ServeContents.Raw => Data,
            ServeContents.Big => MakeOnce(ref _big, "big.qed", big => BigImage.Make(big, 1L << 40, seed: 1)),
            _ => MakeFresh(format, workload.Contents == ServeContents.Overlay),
        };
        SideBySide.Run("sync");
        if (workload.IsCold)
        {
            using HostFile file = HostFile.Open(path, StorageAccess.Read);
            file.DropCache();
        }

        return path;
    }

    /// <summary>Removes what belonged to one workload.</summary>
    public void Dispose()
    {
        foreach (string file in Directory.GetFiles(folder))
            File.Delete(file);
        (_filled, _raw, _big) = (null, null, null);
    }

    private static void MakeFilled(string path)
    {
        CreateImage.Run(new CreateImageOptions { Path = path, Size = Size });
        using var image = OpenImage.ForWriting(path);
        Fill(image.Write);
    }

    private static void Fill(Writer write)
    {
        // Without a seed it is ten times as fast.
        var random = new Random();
        byte[] buffer = new byte[1 << 20];
        for (long offset = 0; offset < Filled; offset += buffer.Length)
        {
            random.NextBytes(buffer);
            write(offset, buffer);
        }
    }

    private string MakeOnce(ref string? path, string name, Action<string> make)
    {
        if (path is null)
        {
            path = Path.Combine(folder, name);
            make(path);
        }

        return path;
    }

    private string MakeFresh(string format, bool isOverlay)
    {
        string path = Path.Combine(folder, "fresh." + format);
        string backing = Path.Combine(folder, "backing.raw");
        if (isOverlay)
            CreateImage.Run(new CreateImageOptions { Path = backing, Format = "raw", Size = Size, Force = true });
        CreateImage.Run(new CreateImageOptions
        {
            Path = path,
            Format = format,
            Size = Size,
            Force = true,
            BackingPath = isOverlay ? backing : null,
            BackingFormat = isOverlay ? "raw" : null,
        });
        return path;
    }

    private delegate void Writer(long offset, ReadOnlySpan<byte> bytes);
}
