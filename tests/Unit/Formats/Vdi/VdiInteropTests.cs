using System;
using System.IO;
using System.Text.Json;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Formats.Vdi;

/// <summary>VDI images go both ways between QEMU and us.</summary>
public sealed class VdiInteropTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public VdiInteropTests() => Qemu.Require();

    public static TheoryData<string, Subformat> Disks()
    {
        var data = new TheoryData<string, Subformat>();
        foreach (string name in SampleDisk.Names)
        {
            data.Add(name, Subformat.Dynamic);
            data.Add(name, Subformat.Fixed);
        }

        return data;
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Disks))]
    public void What_we_write_QEMU_reads_and_finds_sound(string disk, Subformat subformat)
    {
        string raw = SampleDisk.Write(_folder["disk.raw"], disk);
        string vdi = Convert(raw, "ours.vdi", subformat);
        Qemu.AssertSame("vdi", raw, vdi);
        Assert.Contains("No errors", Qemu.ImgOk("check", "-f", "vdi", vdi), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Disks))]
    public void What_QEMU_writes_we_read(string disk, Subformat subformat)
    {
        string raw = SampleDisk.Write(_folder["disk.raw"], disk);
        string vdi = _folder["theirs.vdi"];
        Qemu.ImgOk("convert", "-q", "-f", "raw", "-O", "vdi", "-o", subformat == Subformat.Fixed ? "static=on" : "static=off", raw, vdi);
        Assert.Equal(File.ReadAllBytes(raw), TestImage.ReadAll(vdi));
    }

    [Theory]
    [InlineData(Subformat.Dynamic)]
    [InlineData(Subformat.Fixed)]
    public void A_file_system_survives_raw_to_VDI_to_QED_to_VDI_to_raw(Subformat subformat)
    {
        string raw = _folder["fs.raw"];
        SampleDisk.MakeFileSystem(_folder, raw, "64M");
        string vdi = Convert(raw, "a.vdi", subformat);
        string qed = Convert(vdi, "b.qed", Subformat.Dynamic);
        string again = Convert(qed, "c.vdi", subformat);
        string back = Convert(again, "d.raw", Subformat.Dynamic);
        Qemu.AssertSame("vdi", raw, again);
        Qemu.AssertSame("raw", raw, back);
        Assert.Equal(0, Qemu.Run("e2fsck", "-fn", back).ExitCode);
    }

    [Fact]
    public void A_disk_of_two_TiB_goes_both_ways()
    {
        SparseFile.RequireHoles();
        const long Size = 2L << 40;
        string raw = _folder["large.raw"];
        using (FileStream file = SparseFile.Create(raw, Size))
        {
            foreach (long offset in new[] { 0, (1L << 40) + 12345, Size - 512 })
            {
                file.Position = offset;
                file.Write(Patterns.Filled(512, 0x5a));
            }
        }

        string ours = Convert(raw, "ours.vdi", Subformat.Dynamic);
        Qemu.AssertSame("vdi", raw, ours);
        Assert.Contains("No errors", Qemu.ImgOk("check", "-f", "vdi", ours), StringComparison.Ordinal);
        Qemu.ImgOk("convert", "-q", "-f", "raw", "-O", "vdi", raw, _folder["theirs.vdi"]);
        Assert.Null(Difference(raw, _folder["theirs.vdi"]));
    }

    [Theory]
    [InlineData(Subformat.Dynamic)]
    [InlineData(Subformat.Fixed)]
    public void The_description_says_what_QEMU_says(Subformat subformat)
    {
        string vdi = Convert(SampleDisk.Write(_folder["disk.raw"], "odd size"), "ours.vdi", subformat);
        JsonElement theirs = JsonDocument.Parse(Qemu.ImgOk("info", "--output=json", vdi)).RootElement;
        ImageDescription ours = Describe.Of(vdi);
        Assert.Equal(theirs.GetProperty("format").GetString(), ours.Format);
        Assert.Equal(theirs.GetProperty("virtual-size").GetInt64(), ours.Size);
        Assert.Equal(theirs.GetProperty("cluster-size").GetInt64(), ours.ClusterSize);
        Assert.Equal(subformat == Subformat.Fixed ? "static" : "dynamic", ours.Subformat);
        Assert.Null(ours.BackingPath);
    }

    [Fact]
    public void QEMU_goes_on_writing_where_we_left_off()
    {
        byte[] disk = SampleDisk.Contents("odd size");
        File.WriteAllBytes(_folder["disk.raw"], disk);
        string vdi = Convert(_folder["disk.raw"], "ours.vdi", Subformat.Dynamic);
        Qemu.IoOk(vdi, "vdi", ["write -P 9 1M 100k", "write -P 8 5M 3k"]);
        disk.AsSpan(1 << 20, 100 << 10).Fill(9);
        disk.AsSpan(5 << 20, 3 << 10).Fill(8);
        Assert.Equal(disk, TestImage.ReadAll(vdi));
    }

    private static Qed.Units.GuestOffset? Difference(string left, string right)
    {
        using var a = OpenImage.ForReading(left);
        using var b = OpenImage.ForReading(right);
        return Qed.Transfer.ImageComparer.FirstDifference(a, b, ProgressMeter.Silent, TestContext.Current.CancellationToken);
    }

    private string Convert(string source, string target, Subformat subformat)
    {
        ConvertImage.Run(new ConvertImageOptions { Path = source, DestinationPath = _folder[target], Subformat = subformat, Verify = true });
        return _folder[target];
    }
}
