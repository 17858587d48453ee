using System;
using System.Buffers.Binary;
using System.IO;
using System.Text.Json;
using Qed.Formats;
using Qed.Formats.Qcow2;
using Qed.Images;
using Qed.Operations;
using Qed.Storage;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Formats.Qcow2;

/// <summary>Short ways to make and judge qcow2 images in tests.</summary>
internal static class Qcow2Files
{
    /// <summary>Fails the test unless qemu-img finds neither corruption nor leak.</summary>
    internal static void AssertClean(string path)
    {
        Qemu.Result result = Qemu.Img("check", "-f", "qcow2", "--output=json", path);
        Assert.True(result.ExitCode == 0, result.Output + result.Error);
        using var json = JsonDocument.Parse(result.Output);
        foreach (string name in new[] { "corruptions", "leaks", "check-errors" })
            Assert.False(json.RootElement.TryGetProperty(name, out JsonElement value) && value.GetInt64() != 0, result.Output);
    }

    internal static void AssertSameAsRaw(string raw, string image)
        => Assert.Contains("identical", Qemu.ImgOk("compare", "-f", "raw", "-F", "qcow2", raw, image), StringComparison.Ordinal);

    /// <summary>What qemu-img reads from an image.</summary>
    internal static byte[] ReadByQemu(TempFolder folder, string image)
    {
        string raw = folder[$"{Guid.NewGuid():N}.raw"];
        Qemu.ImgOk("convert", "-f", "qcow2", "-O", "raw", image, raw);
        return File.ReadAllBytes(raw);
    }

    internal static Qcow2Image Open(string path, ImageOpenOptions? options = null)
    {
        HostFile file = HostFile.Open(path, StorageAccess.Peek);
        return (Qcow2Image)FormatRegistry.ByName("qcow2").Open(file, (options ?? ImageOpenOptions.Default) with { Companions = new HostCompanions(file) });
    }

    internal static byte[] ReadAll(DiskImage image)
    {
        byte[] all = new byte[image.Length];
        image.Read(new GuestOffset(0), all);
        return all;
    }

    /// <summary>Mixes clusters of noise, of text that compresses well, and of nothing; ends off every boundary but a sector's.</summary>
    internal static byte[] MixedDisk(int length, int seed)
    {
        byte[] disk = new byte[length];
        var random = new Random(seed);
        for (int start = 0; start < length;)
        {
            int run = Math.Min(length - start, random.Next(1, 200_000));
            Span<byte> part = disk.AsSpan(start, run);
            int kind = random.Next(4);
            if (kind == 0)
                random.NextBytes(part);
            for (int i = 0; kind is 1 or 2 && i < run; i++)
                part[i] = (byte)"the quick brown fox jumps over the lazy dog"[(i + (i >> 7)) % 43];
            start += run;
        }

        return disk;
    }

    internal static string Convert(string source, string target, Func<ConvertImageOptions, ConvertImageOptions>? with = null)
    {
        var options = new ConvertImageOptions { Path = source, DestinationPath = target, Verify = true };
        ConvertImage.Run(with is null ? options : with(options));
        return target;
    }

    internal static ulong UInt64(byte[] file, long offset) => BinaryPrimitives.ReadUInt64BigEndian(file.AsSpan((int)offset));

    internal static void Put64(byte[] file, long offset, ulong value) => BinaryPrimitives.WriteUInt64BigEndian(file.AsSpan((int)offset), value);

    internal static void Put32(byte[] file, long offset, uint value) => BinaryPrimitives.WriteUInt32BigEndian(file.AsSpan((int)offset), value);
}
