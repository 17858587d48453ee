using System;
using System.IO;
using Microsoft.Win32.SafeHandles;
using Qed.Engine;
using Qed.Images;
using Qed.Operations;
using Qed.Units;

namespace Qed.Tests.Support;

/// <summary>Short ways to make and read images in tests.</summary>
internal static class TestImage
{
    internal static string Create(string path, long size, int clusterSize = 65536, int tableSize = 4, string? backing = null, string? backingFormat = null)
    {
        CreateImage.Run(new CreateImageOptions
        {
            Path = path,
            Size = size,
            ClusterSize = clusterSize,
            TableSize = tableSize,
            BackingPath = backing,
            BackingFormat = backingFormat,
        });
        return path;
    }

    internal static void Write(string path, long offset, byte[] data)
    {
        using var image = (QedImage)OpenImage.ForWriting(path);
        image.Write(new GuestOffset(offset), data);
    }

    internal static byte[] ReadAll(string path, string? format = null)
    {
        using DiskImage image = OpenImage.ForReading(path, format);
        byte[] all = new byte[image.Length];
        image.Read(new GuestOffset(0), all);
        return all;
    }

    /// <summary>The bytes of a small valid image, for tests that break them.</summary>
    internal static byte[] Bytes(long size, int clusterSize = 4096, int tableSize = 1, Action<QedImage>? fill = null)
    {
        using var folder = new TempFolder();
        string path = Create(folder["image.qed"], size, clusterSize, tableSize);
        if (fill is not null)
        {
            using var image = (QedImage)OpenImage.ForWriting(path);
            fill(image);
        }

        return System.IO.File.ReadAllBytes(path);
    }

    /// <summary>Writes a file with a hole wherever 4 KiB are zeroes.</summary>
    internal static void WriteSparsely(string path, ReadOnlySpan<byte> bytes)
    {
        const int Block = 4096;
        using SafeFileHandle file = File.OpenHandle(path, FileMode.Create, FileAccess.Write);
        SparseFile.Mark(file);
        RandomAccess.SetLength(file, bytes.Length);
        for (int offset = 0; offset < bytes.Length; offset += Block)
        {
            ReadOnlySpan<byte> block = bytes.Slice(offset, Math.Min(Block, bytes.Length - offset));
            if (block.ContainsAnyExcept((byte)0))
                RandomAccess.Write(file, block, offset);
        }
    }
}
