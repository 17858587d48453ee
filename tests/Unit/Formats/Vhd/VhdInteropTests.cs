using System;
using System.IO;
using System.Text.Json;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Formats.Vhd;

/// <summary>VHDs go both ways between QEMU, libvhdi and us.</summary>
public sealed class VhdInteropTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public static TheoryData<string, Subformat> Disks()
    {
        var data = new TheoryData<string, Subformat>();
        foreach (string name in SampleDisk.Names)
        {
            data.Add(name, Subformat.Dynamic);
            // An empty fixed disk is refused: QEMU cannot open its own.
            if (name != "nothing")
                data.Add(name, Subformat.Fixed);
        }

        return data;
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Disks))]
    public void What_we_write_QEMU_and_libvhdi_read(string disk, Subformat subformat)
    {
        Qemu.Require();
        string raw = SampleDisk.Write(_folder["disk.raw"], disk);
        string vhd = Convert(raw, "ours.vhd", subformat);
        byte[] expected = Padded(File.ReadAllBytes(raw), subformat);
        File.WriteAllBytes(_folder["padded.raw"], expected);
        Qemu.AssertSame("vpc", _folder["padded.raw"], vhd);
        if (expected.Length > 0)
            Assert.Equal(expected, Libvhdi.ReadAll(_folder, vhd));
        Assert.Equal(expected, TestImage.ReadAll(vhd));
    }

    [Theory]
    [MemberData(nameof(Disks))]
    public void What_QEMU_writes_we_read(string disk, Subformat subformat)
    {
        Qemu.Require();
        string raw = SampleDisk.Write(_folder["disk.raw"], disk);
        string options = $"force_size=on,subformat={(subformat == Subformat.Fixed ? "fixed" : "dynamic")}";
        Qemu.ImgOk("convert", "-q", "-f", "raw", "-O", "vpc", "-o", options, raw, _folder["theirs.vhd"]);
        Assert.Equal(File.ReadAllBytes(raw), TestImage.ReadAll(_folder["theirs.vhd"]));
        Assert.Equal(File.ReadAllBytes(raw), TestImage.ReadAll(_folder["theirs.vhd"], "VPC"));
    }

    [Theory]
    [InlineData("dynamic")]
    [InlineData("fixed")]
    public void An_image_that_QEMU_sized_by_its_geometry_has_the_size_that_QEMU_says(string subformat)
    {
        Qemu.Require();
        Qemu.ImgOk("create", "-q", "-f", "vpc", "-o", $"subformat={subformat}", _folder["chs.vhd"], "30000000");
        Qemu.IoOk(_folder["chs.vhd"], "vpc", ["write -P 3 28M 1024"]);
        long size = Info(_folder["chs.vhd"]).GetProperty("virtual-size").GetInt64();
        Assert.Equal(size, Describe.Of(_folder["chs.vhd"]).Size);
        Qemu.ImgOk("convert", "-f", "vpc", "-O", "raw", _folder["chs.vhd"], _folder["chs.raw"]);
        Assert.Equal(File.ReadAllBytes(_folder["chs.raw"]), TestImage.ReadAll(_folder["chs.vhd"]));
    }

    [Theory]
    [InlineData(Subformat.Dynamic)]
    [InlineData(Subformat.Fixed)]
    public void A_file_system_survives_raw_to_VHD_to_QED_to_VHD_to_raw(Subformat subformat)
    {
        Qemu.Require();
        string raw = _folder["fs.raw"];
        SampleDisk.MakeFileSystem(_folder, raw, "64M");
        string vhd = Convert(raw, "a.vhd", subformat);
        string qed = Convert(vhd, "b.qed", Subformat.Dynamic);
        string again = Convert(qed, "c.vhd", subformat, clusterSize: subformat == Subformat.Fixed ? null : 512 << 10);
        string back = Convert(again, "d.raw", Subformat.Dynamic);
        foreach (string image in new[] { vhd, again })
            Qemu.AssertSame("vpc", raw, image);
        Qemu.AssertSame("raw", raw, back);
        Assert.Equal(0, Qemu.Run("e2fsck", "-fn", back).ExitCode);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(512L << 10)]
    [InlineData(16L << 20)]
    public void The_largest_disk_goes_both_ways(long? blockSize)
    {
        Qemu.Require();
        const long Size = 2040L << 30;
        string raw = _folder["large.raw"];
        using (FileStream file = SparseFile.Create(raw, Size))
        {
            foreach (long offset in new[] { 0, (1L << 40) + 12345, Size - 512 })
            {
                file.Position = offset;
                file.Write(Patterns.Filled(512, 0x5a));
            }
        }

        string ours = Convert(raw, "ours.vhd", Subformat.Dynamic, blockSize);
        Qemu.AssertSame("vpc", raw, ours);
        Qemu.ImgOk("convert", "-q", "-f", "raw", "-O", "vpc", "-o", "force_size=on", raw, _folder["theirs.vhd"]);
        Assert.Null(Difference(raw, _folder["theirs.vhd"]));
        Assert.Equal(Size, Describe.Of(_folder["theirs.vhd"]).Size);
    }

    [Theory]
    [InlineData(Subformat.Dynamic)]
    [InlineData(Subformat.Fixed)]
    public void The_description_says_what_QEMU_says(Subformat subformat)
    {
        Qemu.Require();
        string vhd = Convert(SampleDisk.Write(_folder["disk.raw"], "full"), "ours.vhd", subformat);
        JsonElement theirs = Info(vhd);
        ImageDescription ours = Describe.Of(vhd);
        Assert.Equal("vhd", ours.Format);
        Assert.Equal(theirs.GetProperty("virtual-size").GetInt64(), ours.Size);
        Assert.Equal(theirs.TryGetProperty("cluster-size", out JsonElement cluster) ? cluster.GetInt64() : null, ours.ClusterSize);
        Assert.Equal(subformat == Subformat.Fixed ? "fixed" : "dynamic", ours.Subformat);
        Assert.Null(ours.BackingPath);
        Assert.Empty(ours.Features);
    }

    [Fact]
    public void QEMU_goes_on_writing_where_we_left_off()
    {
        Qemu.Require();
        byte[] disk = SampleDisk.Contents("odd size");
        File.WriteAllBytes(_folder["disk.raw"], disk);
        string vhd = Convert(_folder["disk.raw"], "ours.vhd", Subformat.Dynamic);
        Qemu.IoOk(vhd, "vpc", ["write -P 9 1M 100k", "write -P 8 5M 3k"]);
        disk.AsSpan(1 << 20, 100 << 10).Fill(9);
        disk.AsSpan(5 << 20, 3 << 10).Fill(8);
        Assert.Equal(disk, TestImage.ReadAll(vhd));
    }

    private static JsonElement Info(string image)
        => JsonDocument.Parse(Qemu.ImgOk("info", "-f", "vpc", "--output=json", image)).RootElement;

    private static Qed.Units.GuestOffset? Difference(string left, string right)
    {
        using var a = OpenImage.ForReading(left);
        using var b = OpenImage.ForReading(right);
        return Qed.Transfer.ImageComparer.FirstDifference(a, b, ProgressMeter.Silent, TestContext.Current.CancellationToken);
    }

    private static byte[] Padded(byte[] disk, Subformat subformat)
    {
        if (subformat == Subformat.Fixed)
            Array.Resize(ref disk, (disk.Length + (1 << 20) - 1) >> 20 << 20);
        return disk;
    }

    private string Convert(string source, string target, Subformat subformat, long? clusterSize = null)
    {
        ConvertImage.Run(new ConvertImageOptions { Path = source, DestinationPath = _folder[target], Subformat = subformat, ClusterSize = clusterSize, Verify = true });
        return _folder[target];
    }
}
