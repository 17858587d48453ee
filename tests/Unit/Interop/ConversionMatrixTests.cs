using System;
using System.IO;
using System.Linq;
using Qed.Formats;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Interop;

/// <summary>Every format to every other one in each of its variants, on a real file system and on extremes.</summary>
public sealed class ConversionMatrixTests : IDisposable
{
    private const int Size = (9 << 20) + 1536;

    private readonly TempFolder _folder = new();

    public static TheoryData<string, string, Subformat> Pairs()
    {
        var pairs = new TheoryData<string, string, Subformat>();
        foreach (ImageFormat source in FormatRegistry.All)
        {
            foreach (ImageFormat target in FormatRegistry.All)
            {
                foreach (Subformat subformat in target.Subformats)
                    pairs.Add(source.Name, target.Name, subformat);
            }
        }

        return pairs;
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Pairs))]
    public void Every_disk_stays_what_it_is(string source, string target, Subformat subformat)
    {
        string[] disks = ["empty", "full", "last sector", "every other cluster"];
        // Made by Linux's own tool.
        foreach (string disk in OperatingSystem.IsLinux() ? [.. disks, "file system"] : disks)
        {
            string raw = MakeRaw(disk);
            string from = Convert(raw, "raw", _folder[$"{disk}.from"], source, Subformat.Dynamic);
            string to = Convert(from, source, _folder[$"{disk}.to"], target, subformat);
            Assert.True(Same(raw, to, target), $"{disk}: {source} to {target}, {subformat}");
        }
    }

    /// <summary>2040 GiB, the most that a VHD can hold, nearly all of it a hole.</summary>
    [Theory]
    [MemberData(nameof(FormatsAndSubformats))]
    public void A_disk_of_two_terabytes_costs_only_what_is_written_on_it(string format, Subformat subformat)
    {
        SparseFile.RequireHoles();
        const long Disk = 2040L << 30;
        string raw = _folder["huge.raw"];
        using (FileStream file = SparseFile.Create(raw, Disk))
        {
            foreach ((long offset, int length) in new[] { (0L, 1 << 20), ((1L << 40) + 4608, 300_032), (Disk - 512, 512) })
            {
                file.Position = offset;
                file.Write(Patterns.Filled(length, 0x5a));
            }
        }

        string image = Convert(raw, "raw", _folder["huge.image"], format, subformat);
        string qed = Convert(image, format, _folder["huge.qed"], "qed", Subformat.Dynamic);
        Assert.True(CompareImages.Run(new CompareImagesOptions { Path = raw, SourceFormat = "raw", DifferencePath = qed, DifferenceFormat = "qed" }).IsEqual);
        Assert.InRange(Describe.Of(qed, "qed").AllocatedSize ?? 0, 1 << 20, 4 << 20);
        if (!Qemu.IsInstalled)
            return;
        foreach ((string path, string name) in new[] { (image, FormatRegistry.ByName(format).QemuName), (qed, "qed") })
        {
            Qemu.IoOk(path, name, [
                "read -P 0x5a 0 1M", "read -P 0 1M 1M", "read -P 0 1T 4608",
                $"read -P 0x5a {Qemu.Text((1L << 40) + 4608)} 300032", $"read -P 0 {Qemu.Text(Disk - 1024)} 512", $"read -P 0x5a {Qemu.Text(Disk - 512)} 512",
            ]);
        }
    }

    public static TheoryData<string, Subformat> FormatsAndSubformats()
    {
        var all = new TheoryData<string, Subformat>();
        foreach (ImageFormat format in FormatRegistry.All)
        {
            foreach (Subformat subformat in format.Subformats)
                all.Add(format.Name, subformat);
        }

        return all;
    }

    private static string Convert(string path, string format, string destination, string target, Subformat subformat)
    {
        ConvertImage.Run(new ConvertImageOptions
        {
            Path = path,
            SourceFormat = format,
            DestinationPath = destination,
            Format = target,
            Subformat = subformat,
            Verify = true,
        });
        return destination;
    }

    /// <summary>QEMU reads all formats here; where it is missing, our own comparison has to do, which does not share the writers' code.</summary>
    private static bool Same(string raw, string image, string format)
    {
        if (!Qemu.IsInstalled)
            return CompareImages.Run(new CompareImagesOptions { Path = raw, SourceFormat = "raw", DifferencePath = image, DifferenceFormat = format }).IsEqual;
        Qemu.Result result = Qemu.Img("compare", "-f", "raw", "-F", FormatRegistry.ByName(format).QemuName, raw, image);
        return result.Output.Contains("Images are identical", StringComparison.Ordinal);
    }

    private string MakeRaw(string disk)
    {
        string path = _folder[disk + ".raw"];
        byte[] bytes = new byte[Size];
        if (disk == "full")
            Patterns.Random(Size, 1).CopyTo(bytes, 0);
        else if (disk == "last sector")
            Patterns.Random(512, 2).CopyTo(bytes, Size - 512);
        else if (disk == "every other cluster")
            foreach (int i in Enumerable.Range(0, Size >> 17))
                Patterns.Random(1 << 16, i).CopyTo(bytes, i << 17);
        File.WriteAllBytes(path, bytes);
        if (disk == "file system" && File.Exists("/usr/sbin/mke2fs"))
        {
            string tree = Directory.CreateDirectory(_folder["tree"]).FullName;
            File.WriteAllBytes(Path.Combine(tree, "file"), Patterns.Random(300_000, 3));
            Assert.Equal(0, Qemu.Run("mke2fs", "-q", "-F", "-t", "ext4", "-d", tree, path).ExitCode);
        }

        return path;
    }
}
