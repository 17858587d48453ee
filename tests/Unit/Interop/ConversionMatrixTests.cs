using System;
using System.IO;
using Qed.Formats;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Interop;

/// <summary>Every format to every other one in each of its variants, on a real file system and on extremes.</summary>
public sealed class ConversionMatrixTests(ConversionMatrixDisks disks) : IClassFixture<ConversionMatrixDisks>, IDisposable
{
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
        foreach (string disk in ConversionMatrixDisks.Names)
        {
            string to = ConversionMatrixDisks.Convert(disks.Image(disk, source), source, _folder["to"], target, subformat);
            Assert.True(Same(disks.Raw(disk), to, target), $"{disk}: {source} to {target}, {subformat}");
            foreach (string file in Directory.GetFiles(_folder.Path))
                File.Delete(file);
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

        string image = ConversionMatrixDisks.Convert(raw, "raw", _folder["huge.image"], format, subformat);
        string qed = ConversionMatrixDisks.Convert(image, format, _folder["huge.qed"], "qed", Subformat.Dynamic);
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

    /// <summary>QEMU reads all formats here; where it is missing, our own comparison has to do, which does not share the writers' code.</summary>
    private static bool Same(string raw, string image, string format)
    {
        if (!Qemu.IsInstalled)
            return CompareImages.Run(new CompareImagesOptions { Path = raw, SourceFormat = "raw", DifferencePath = image, DifferenceFormat = format }).IsEqual;
        Qemu.Result result = Qemu.Img("compare", "-f", "raw", "-F", FormatRegistry.ByName(format).QemuName, raw, image);
        return result.Output.Contains("Images are identical", StringComparison.Ordinal);
    }
}
