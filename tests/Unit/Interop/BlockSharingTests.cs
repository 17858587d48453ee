using System;
using System.IO;
using Qed.Engine;
using Qed.Operations;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Interop;

/// <summary>On a file system whose files can share blocks a conversion takes no space, and is right all the same.</summary>
public sealed class BlockSharingTests : IDisposable
{
    private const int MiB = 1 << 20;
    // Tables, headers, the file system's own records.
    private const long Overhead = 4 * MiB;

    private readonly SharingDisk _disk = new();

    public void Dispose() => _disk.Dispose();

    [Theory]
    [InlineData("raw", "qed")]
    [InlineData("qed", "raw")]
    [InlineData("qed", "qcow2")]
    [InlineData("qcow2", "qed")]
    [InlineData("qed", "vhdx")]
    [InlineData("vhdx", "qed")]
    [InlineData("vdi", "vmdk")]
    [InlineData("vmdk", "raw")]
    public void A_target_takes_no_space_for_what_the_source_holds(string from, string to)
    {
        string raw = Disk("disk.raw", 1);
        string source = from == "raw" ? raw : Convert(raw, "source", from);
        long before = _disk.Free;
        string target = Convert(source, "target", to);
        Assert.InRange(_disk.Free, before - Overhead, before);
        Qemu.AssertSame(to, raw, target);
    }

    [Fact]
    public void A_last_sector_that_is_no_block_of_the_file_system_is_written()
    {
        string raw = Disk("disk.raw", 8, tail: 512);
        string target = Convert(raw, "target", "qed");
        Qemu.AssertSame("qed", raw, target);
        Qemu.AssertSame("raw", raw, Convert(target, "back", "raw"));
    }

    [Fact]
    public void Data_that_lies_askew_is_written()
    {
        string raw = Disk("disk.raw", 2);
        string source = _disk["source"];
        Qemu.ImgOk("convert", "-f", "raw", "-O", "vpc", "-o", "force_size=on", raw, source);
        long before = _disk.Free;
        string target = Convert(source, "target", "qed");
        Assert.InRange(_disk.Free, 0, before - (20 * MiB));
        Qemu.AssertSame("qed", raw, target);
    }

    [Fact]
    public void A_source_on_another_file_system_is_written()
    {
        using var elsewhere = new TempFolder();
        string raw = elsewhere["disk.raw"];
        File.Copy(Disk("disk.raw", 3), raw);
        string target = Convert(raw, "target", "qed");
        Qemu.AssertSame("qed", raw, target);
    }

    [Fact]
    public void A_chain_is_shared_from_all_its_files()
    {
        string raw = Disk("disk.raw", 4);
        string overlay = TestImage.Create(_disk["overlay"], new FileInfo(raw).Length, backing: raw, backingFormat: "raw");
        TestImage.Write(overlay, 5 * MiB, Patterns.Random(3 * MiB, 5));
        long before = _disk.Free;
        string target = Convert(overlay, "target", "qed");
        Assert.InRange(_disk.Free, before - Overhead, before);
        Assert.Equal(TestImage.ReadAll(overlay), TestImage.ReadAll(target));
        Qemu.AssertSound(target);
    }

    [Fact]
    public void Writing_the_target_later_leaves_the_source_as_it_was()
    {
        string raw = Disk("disk.raw", 6);
        byte[] before = File.ReadAllBytes(raw);
        string target = Convert(raw, "target", "qed");
        TestImage.Write(target, 0, Patterns.Filled(8 * MiB, 0xee));
        Assert.Equal(before, File.ReadAllBytes(raw));
        Assert.Equal(before.AsSpan(8 * MiB).ToArray(), TestImage.ReadAll(target).AsSpan(8 * MiB).ToArray());
    }

    [Fact]
    public void Zeroes_in_the_source_are_left_out_as_ever()
    {
        byte[] bytes = Patterns.Random(16 * MiB, 7);
        Array.Clear(bytes, 4 * MiB, 8 * MiB);
        File.WriteAllBytes(_disk["disk.raw"], bytes);
        string target = Convert(_disk["disk.raw"], "target", "qed");
        using QedImage image = OpenImage.ForReading(target) as QedImage ?? throw new InvalidOperationException("The target is no QED image.");
        Assert.Equal(ExtentKind.Unallocated, image.GetExtent(new GuestOffset(4 * MiB), 8 * MiB).Kind);
        Assert.Equal(8 * MiB, image.GetExtent(new GuestOffset(4 * MiB), 12 * MiB).Length);
    }

    /// <summary>24 MiB of data with a hole.</summary>
    private string Disk(string name, int seed, int tail = 0)
    {
        string path = _disk[name];
        using FileStream file = File.Create(path);
        file.SetLength((32 * MiB) + tail);
        file.Write(Patterns.Random(12 * MiB, seed));
        file.Position = 20 * MiB;
        file.Write(Patterns.Random((12 * MiB) + tail, seed + 100));
        return path;
    }

    private string Convert(string source, string name, string format)
    {
        ConvertImage.Run(new ConvertImageOptions { Path = source, DestinationPath = _disk[name], Format = format, Verify = true });
        return _disk[name];
    }
}
