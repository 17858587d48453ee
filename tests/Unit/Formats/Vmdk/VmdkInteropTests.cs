using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.Json;
using Qed.Images;
using Qed.Operations;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Formats.Vmdk;

/// <summary>Images go both ways between QEMU, libvmdk and us.</summary>
public sealed class VmdkInteropTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public VmdkInteropTests() => Qemu.Require();

    public static TheoryData<string, Subformat> KindsAndSubformats()
    {
        var data = new TheoryData<string, Subformat>();
        foreach (string kind in new[] { "empty", "full", "one last sector", "odd size", "one sector", "every other grain" })
        {
            foreach (Subformat subformat in new[] { Subformat.Dynamic, Subformat.StreamOptimized, Subformat.Fixed })
                data.Add(kind, subformat);
        }

        return data;
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(KindsAndSubformats))]
    public void What_we_write_reads_the_same_in_QEMU_and_libvmdk_and_here(string kind, Subformat subformat)
    {
        byte[] disk = VmdkDisks.Make(kind);
        string raw = VmdkDisks.WriteRaw(_folder, "a.raw", disk);
        ImageDescription image = VmdkDisks.Convert(raw, _folder["a.vmdk"], subformat);
        Assert.Equal("vmdk", image.Format);
        Assert.Equal(disk.Length, image.Size);
        Assert.Contains("identical", Qemu.ImgOk("compare", "-f", "raw", "-F", "vmdk", raw, _folder["a.vmdk"]), StringComparison.Ordinal);
        Assert.Contains("No errors", Qemu.ImgOk("check", "-f", "vmdk", _folder["a.vmdk"]), StringComparison.Ordinal);
        Assert.Equal(disk, TestImage.ReadAll(_folder["a.vmdk"]));
        if (LibVmdk.IsInstalled)
            Assert.Equal(disk, LibVmdk.ReadAll(_folder, _folder["a.vmdk"]));
        ConvertImage.Run(new ConvertImageOptions { Path = _folder["a.vmdk"], DestinationPath = _folder["b.qed"], Verify = true });
        Assert.Equal(disk, TestImage.ReadAll(_folder["b.qed"]));
    }

    [Theory]
    [InlineData("monolithicSparse", 1)]
    [InlineData("streamOptimized", 1)]
    [InlineData("monolithicFlat", 1)]
    [InlineData("twoGbMaxExtentSparse", 1)]
    [InlineData("twoGbMaxExtentFlat", 1)]
    [InlineData("twoGbMaxExtentSparse", 2100)]
    [InlineData("twoGbMaxExtentFlat", 2100)]
    public void What_QEMU_writes_reads_and_is_described_the_same_here(string subformat, int megabytes)
    {
        string raw = _folder["a.raw"];
        Qemu.ImgOk("create", "-q", "-f", "raw", raw, Qemu.Text(((long)megabytes << 20) + 5632));
        Qemu.IoOk(raw, "raw", ["write -P 1 0 70000", "write -P 2 500k 300k", $"write -P 3 {Qemu.Text(((long)megabytes << 20) - 300000)} 305632"]);
        if (megabytes > 2048)
            Qemu.IoOk(raw, "raw", ["write -P 4 2047m 2m"]);
        string image = _folder["a.vmdk"];
        Qemu.ImgOk("convert", "-f", "raw", "-O", "vmdk", "-o", $"subformat={subformat}", raw, image);

        AssertSameDisk(raw, image);
        using var json = JsonDocument.Parse(Qemu.ImgOk("info", "-f", "vmdk", "--output=json", image));
        ImageDescription ours = Describe.Of(image);
        Assert.Equal("vmdk", ours.Format);
        Assert.Equal(subformat, ours.Subformat);
        Assert.Equal(json.RootElement.GetProperty("virtual-size").GetInt64(), ours.Size);
        // Ours comes from the descriptor alone, which does not tell where there are several files.
        if (subformat is "monolithicSparse" or "streamOptimized")
            Assert.Equal(json.RootElement.GetProperty("cluster-size").GetInt64(), ours.ClusterSize);
        VmdkDisks.Convert(image, _folder["b.qed"]);
        AssertSameDisk(raw, _folder["b.qed"]);
    }

    [Theory]
    [InlineData(8192)]
    [InlineData(32768)]
    [InlineData(1 << 20)]
    public void Every_grain_size_reads_the_same_in_QEMU(int grain)
    {
        byte[] disk = VmdkDisks.Make("every other grain");
        string raw = VmdkDisks.WriteRaw(_folder, "a.raw", disk);
        ImageDescription image = VmdkDisks.Convert(raw, _folder["a.vmdk"], grain: grain);
        Assert.Equal(grain, image.ClusterSize);
        using var json = JsonDocument.Parse(Qemu.ImgOk("info", "-f", "vmdk", "--output=json", _folder["a.vmdk"]));
        Assert.Equal(grain, json.RootElement.GetProperty("cluster-size").GetInt64());
        Assert.Contains("identical", Qemu.ImgOk("compare", "-f", "raw", "-F", "vmdk", raw, _folder["a.vmdk"]), StringComparison.Ordinal);
        if (LibVmdk.IsInstalled)
            Assert.Equal(disk, LibVmdk.ReadAll(_folder, _folder["a.vmdk"]));
    }

    [Fact]
    public void QEMU_goes_on_writing_where_we_left_off()
    {
        byte[] disk = VmdkDisks.Make("odd size");
        VmdkDisks.Convert(VmdkDisks.WriteRaw(_folder, "a.raw", disk), _folder["a.vmdk"]);
        Qemu.IoOk(_folder["a.vmdk"], "vmdk", ["write -P 9 100k 300k", $"write -P 7 {disk.Length - 512} 512"]);
        disk.AsSpan(100 << 10, 300 << 10).Fill(9);
        disk.AsSpan(disk.Length - 512).Fill(7);
        Assert.Equal(disk, TestImage.ReadAll(_folder["a.vmdk"]));
        Assert.Contains("No errors", Qemu.ImgOk("check", "-f", "vmdk", _folder["a.vmdk"]), StringComparison.Ordinal);
    }

    [Fact]
    public void A_delta_reads_over_its_parent_the_same_in_QEMU_and_libvmdk_and_here()
    {
        byte[] old = VmdkDisks.Make("every other grain");
        byte[] disk = (byte[])old.Clone();
        Patterns.Random(100_000, 8).CopyTo(disk, 5_000_000);
        VmdkDisks.Convert(VmdkDisks.WriteRaw(_folder, "old.raw", old), _folder["parent.vmdk"]);
        VmdkDisks.Convert(VmdkDisks.WriteRaw(_folder, "new.raw", disk), _folder["delta.vmdk"], backing: "parent.vmdk");
        Assert.InRange(new FileInfo(_folder["delta.vmdk"]).Length, 1, 1 << 20);
        Assert.Contains("identical", Qemu.ImgOk("compare", "-f", "raw", "-F", "vmdk", _folder["new.raw"], _folder["delta.vmdk"]), StringComparison.Ordinal);
        if (LibVmdk.IsInstalled)
            Assert.Equal(disk, LibVmdk.ReadAll(_folder, _folder["parent.vmdk"], _folder["delta.vmdk"]));
        using DiskImage delta = OpenImage.ForReading(_folder["delta.vmdk"]);
        Assert.Equal(new BackingReference("parent.vmdk", "vmdk").Name, delta.BackingReference!.Name);
        Assert.Equal("vmdk", delta.BackingReference.Format);
    }

    [Fact]
    public void Zeroes_over_the_data_of_a_parent_are_zero_grains_that_QEMU_reads()
    {
        byte[] old = VmdkDisks.Make("full");
        byte[] disk = (byte[])old.Clone();
        disk.AsSpan(1 << 20, 1 << 20).Clear();
        VmdkDisks.Convert(VmdkDisks.WriteRaw(_folder, "old.raw", old), _folder["parent.vmdk"]);
        ImageDescription delta = VmdkDisks.Convert(VmdkDisks.WriteRaw(_folder, "new.raw", disk), _folder["delta.vmdk"], backing: "parent.vmdk");
        Assert.Contains("ZeroGrains", delta.Features);
        Assert.Contains("identical", Qemu.ImgOk("compare", "-f", "raw", "-F", "vmdk", _folder["new.raw"], _folder["delta.vmdk"]), StringComparison.Ordinal);
        using DiskImage image = OpenImage.ForReading(_folder["delta.vmdk"]);
        Assert.Equal(ExtentKind.Zero, image.GetExtent(new GuestOffset(1 << 20), 1 << 20).Kind);
        Assert.Equal(1 << 20, image.GetExtent(new GuestOffset(1 << 20), 1 << 21).Length);
    }

    [Fact]
    public void A_delta_that_QEMU_made_reads_the_same_here_also_with_its_zero_grains()
    {
        Qemu.ImgOk("create", "-q", "-f", "vmdk", _folder["parent.vmdk"], "8M");
        Qemu.IoOk(_folder["parent.vmdk"], "vmdk", ["write -P 1 0 5m"]);
        Qemu.ImgOk("create", "-q", "-f", "vmdk", "-o", "zeroed_grain=on", "-b", "parent.vmdk", "-F", "vmdk", _folder["delta.vmdk"]);
        Qemu.IoOk(_folder["delta.vmdk"], "vmdk", ["write -P 2 1m 100k", "write -z 2m 128k", "write -P 3 6m 512"]);
        Qemu.ImgOk("convert", "-f", "vmdk", "-O", "raw", _folder["delta.vmdk"], _folder["theirs.raw"]);
        Assert.Equal(File.ReadAllBytes(_folder["theirs.raw"]), TestImage.ReadAll(_folder["delta.vmdk"]));
    }

    [Fact]
    public void A_file_system_survives_the_way_through_every_subformat()
    {
        Assert.SkipUnless(File.Exists("/sbin/mke2fs") || File.Exists("/usr/sbin/mke2fs"), "mke2fs is not installed (Debian package e2fsprogs)");
        string tree = Directory.CreateDirectory(_folder["tree"]).FullName;
        for (int i = 0; i < 60; i++)
            File.WriteAllText(Path.Combine(tree, $"file{i}"), string.Concat(Enumerable.Repeat($"line {i} of many\n", i * 97)));
        Assert.Equal(0, Qemu.Run("mke2fs", "-q", "-t", "ext4", "-d", tree, _folder["fs.raw"], "48M").ExitCode);
        VmdkDisks.Convert(_folder["fs.raw"], _folder["a.vmdk"], Subformat.StreamOptimized);
        VmdkDisks.Convert(_folder["a.vmdk"], _folder["b.vmdk"]);
        VmdkDisks.Convert(_folder["b.vmdk"], _folder["c.vmdk"], Subformat.Fixed);
        VmdkDisks.Convert(_folder["c.vmdk"], _folder["d.raw"]);
        Assert.Equal(0, Qemu.Run("e2fsck", "-fn", _folder["d.raw"]).ExitCode);
        Assert.Contains("identical", Qemu.ImgOk("compare", "-f", "raw", "-F", "raw", _folder["fs.raw"], _folder["d.raw"]), StringComparison.Ordinal);
        Assert.InRange(new FileInfo(_folder["a.vmdk"]).Length, 1, 2 << 20);
    }

    [Theory]
    [InlineData(Subformat.Dynamic)]
    [InlineData(Subformat.StreamOptimized)]
    public void A_disk_of_two_tebibytes_keeps_its_first_and_last_bytes(Subformat subformat)
    {
        SparseFile.RequireHoles();
        const long Size = 2L << 40;
        using (FileStream file = SparseFile.Create(_folder["a.raw"], Size))
        {
            file.Write(Patterns.Filled(1000, 1));
            file.Position = Size / 2;
            file.Write(Patterns.Filled(70_000, 2));
            file.Position = Size - 512;
            file.Write(Patterns.Filled(512, 3));
        }

        VmdkDisks.Convert(_folder["a.raw"], _folder["a.vmdk"], subformat);
        string half = (Size / 2).ToString(CultureInfo.InvariantCulture);
        string end = (Size - 512).ToString(CultureInfo.InvariantCulture);
        Qemu.Result read = Qemu.Run(
            "qemu-io", "-r", "-f", "vmdk", "-c", "read -P 1 0 1000", "-c", $"read -P 2 {half} 69632", "-c", $"read -P 3 {end} 512", "-c", "read -P 0 1m 1m", _folder["a.vmdk"]);
        Assert.True(read.ExitCode == 0 && !read.Output.Contains("failed", StringComparison.Ordinal), read.Output + read.Error);
        ConvertImage.Run(new ConvertImageOptions { Path = _folder["a.vmdk"], DestinationPath = _folder["b.raw"] });
        using DiskImage back = OpenImage.ForReading(_folder["b.raw"]);
        byte[] last = new byte[512];
        back.Read(new GuestOffset(Size - 512), last);
        Assert.Equal(Patterns.Filled(512, 3), last);
        Assert.Equal(Size, back.Length);
    }

    private void AssertSameDisk(string raw, string image)
    {
        string copy = _folder["copy.raw"];
        ConvertImage.Run(new ConvertImageOptions { Path = image, DestinationPath = copy, Force = true });
        Assert.Contains("identical", Qemu.ImgOk("compare", "-f", "raw", "-F", "raw", raw, copy), StringComparison.Ordinal);
    }
}
