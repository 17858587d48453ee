using System;
using System.IO;
using System.Linq;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Operations;

/// <summary>A source that was copied and verified is deleted with every file that belongs to it, and with no other.</summary>
public sealed class DeleteSourceTests : IDisposable
{
    private const int SectorsInPart = 64;
    private const int SizeOfPart = SectorsInPart * 512;

    private readonly TempFolder _folder = new();
    private readonly TempFolder _elsewhere = new();

    public void Dispose()
    {
        _folder.Dispose();
        _elsewhere.Dispose();
    }

    [Fact]
    public void A_flat_VMDK_goes_with_its_extent()
    {
        File.WriteAllBytes(_folder["disk.raw"], Patterns.Random(SizeOfPart, 1));
        Convert("disk.raw", "disk.vmdk", options => options with { Subformat = Subformat.Fixed });
        AssertOnly("disk-flat.vmdk", "disk.vmdk");
        Convert("disk.vmdk", "disk.qed");
        AssertOnly("disk.qed");
        Assert.Equal(Patterns.Random(SizeOfPart, 1), TestImage.ReadAll(_folder["disk.qed"]));
    }

    [Fact]
    public void A_VMDK_of_several_extents_goes_with_all_of_them_and_what_lies_beside_it_stays()
    {
        WriteSplit("disk", parts: 3);
        // One file can hold several extents.
        File.AppendAllText(_folder["disk.vmdk"], $"RW {SectorsInPart} FLAT \"disk-f001.vmdk\" 0\nRW {SectorsInPart} ZERO\n");
        WriteSplit("other", parts: 1);
        File.WriteAllText(_folder["disk-f004.vmdk"], "of no image");
        Convert("disk.vmdk", "disk.qed");
        AssertOnly("disk-f004.vmdk", "disk.qed", "other-f001.vmdk", "other.vmdk");
        byte[] expected = [.. Part(1), .. Part(2), .. Part(3), .. Part(1), .. new byte[SizeOfPart]];
        Assert.Equal(expected, TestImage.ReadAll(_folder["disk.qed"]));
    }

    [Fact]
    public void A_block_device_is_not_deleted()
    {
        File.WriteAllBytes(_folder["disk.raw"], Patterns.Random(1 << 20, 1));
        Qemu.Result? made = Qemu.TryRun("flock", ["/dev/loop-control", "losetup", "--find", "--show", "--read-only", _folder["disk.raw"]]);
        Assert.SkipUnless(made is { ExitCode: 0 }, "no loop device can be made here");
        string device = made!.Output.Trim();
        try
        {
            var options = new ConvertImageOptions { Path = device, SourceFormat = "raw", DestinationPath = _folder["disk.qed"] };
            Fails.With(ErrorKind.UnsupportedFeature, "block device", () => ConvertImage.Run(options with { DeleteSource = true }));
            AssertOnly("disk.raw");
            ConvertImage.Run(options);
            Assert.Equal(File.ReadAllBytes(_folder["disk.raw"]), TestImage.ReadAll(_folder["disk.qed"]));
            Assert.True(File.Exists(device));
        }
        finally
        {
            Qemu.Run("losetup", "--detach", device);
        }
    }

    [Fact]
    public void A_sparse_extent_goes_with_its_descriptor()
    {
        File.WriteAllBytes(_folder["disk.raw"], Patterns.Random(SizeOfPart, 1));
        Convert("disk.raw", "disk-s001.vmdk");
        File.WriteAllText(_folder["disk.vmdk"], DescriptorOf($"RW {SectorsInPart} SPARSE \"disk-s001.vmdk\""));
        Convert("disk.vmdk", "disk.qed");
        AssertOnly("disk.qed");
        Assert.Equal(Patterns.Random(SizeOfPart, 1), TestImage.ReadAll(_folder["disk.qed"]));
    }

    [Fact]
    public void An_external_data_file_that_was_read_with_consent_goes_with_its_image()
    {
        Qemu.Require();
        Qemu.ImgOk("create", "-q", "-f", "qcow2", "-o", $"data_file={_elsewhere["disk.data"]}", _folder["disk.qcow2"], "1M");
        Qemu.IoOk(_folder["disk.qcow2"], "qcow2", ["write -P 1 0 100k"]);
        Fails.With(ErrorKind.BackingFileRefused, () => Convert("disk.qcow2", "disk.qed"));
        AssertOnly("disk.qcow2");
        Convert("disk.qcow2", "disk.qed", options => options with { AllowExternalData = true });
        AssertOnly("disk.qed");
        Assert.Empty(Directory.GetFiles(_elsewhere.Path));
        Assert.Equal(1, TestImage.ReadAll(_folder["disk.qed"])[102_399]);
    }

    [Fact]
    public void A_backing_image_stays_with_all_of_its_files()
    {
        WriteSplit("base", parts: 2);
        File.WriteAllBytes(_folder["changed.raw"], [.. Part(1), .. Part(7)]);
        Convert("changed.raw", "top.vmdk", options => options with { BackingPath = "base.vmdk" });
        Convert("top.vmdk", "top.qed");
        AssertOnly("base-f001.vmdk", "base-f002.vmdk", "base.vmdk", "top.qed");
        Assert.Equal([.. Part(1), .. Part(7)], TestImage.ReadAll(_folder["top.qed"]));
    }

    [Fact]
    public void No_file_that_the_target_would_rest_on_is_deleted()
    {
        WriteSplit("disk", parts: 2);
        // The second extent alone is a raw disk, of which the target would hold only what differs.
        Fails.With(ErrorKind.BackingFileRefused, "rest on it", () => Convert("disk.vmdk", "disk.qed", options => options with
        {
            BackingPath = "disk-f002.vmdk",
            BackingFormat = "raw",
        }));
        AssertOnly("disk-f001.vmdk", "disk-f002.vmdk", "disk.vmdk");
    }

    [Fact]
    public void No_file_that_the_backing_image_of_the_source_has_as_well_is_deleted()
    {
        WriteSplit("base", parts: 1);
        string extent = $"RW {SectorsInPart} FLAT \"base-f001.vmdk\" 0";
        File.WriteAllText(_folder["top.vmdk"], DescriptorOf(extent).Replace("parentCID=ffffffff", "parentCID=12345678\nparentFileNameHint=\"base.vmdk\"", StringComparison.Ordinal));
        Fails.With(ErrorKind.BackingFileRefused, "rests on has this file as well", () => Convert("top.vmdk", "top.qed"));
        AssertOnly("base-f001.vmdk", "base.vmdk", "top.vmdk");
    }

    [Fact]
    public void Nothing_that_another_image_rests_on_is_deleted_until_that_one_is_gone()
    {
        TestImage.Create(_folder["base.qed"], 1 << 20);
        TestImage.Write(_folder["base.qed"], 0, Patterns.Random(4096, 1));
        TestImage.Create(_folder["middle.qed"], 1 << 20, backing: "base.qed", backingFormat: "qed");
        TestImage.Create(_folder["top.qed"], 1 << 20, backing: "middle.qed", backingFormat: "qed");
        // By another name, too: through a link from elsewhere.
        Link.Symbolic(_elsewhere["base.qed"], _folder["base.qed"]);
        foreach (string source in new[] { _folder["base.qed"], _elsewhere["base.qed"] })
        {
            ConvertImageOptions options = Options("base.qed", "new.vhdx") with { Path = source };
            Fails.With(ErrorKind.BackingFileRefused, $"other images rest on it: '{_folder["middle.qed"]}', '{_folder["top.qed"]}'", () => ConvertImage.Run(options));
            Fails.With(ErrorKind.BackingFileRefused, "other images rest on it", () => ConvertImage.Run(options with { DestinationPath = _folder["top.qed"], IntoExisting = true, Format = "qed" }));
        }

        AssertOnly("base.qed", "middle.qed", "top.qed");
        Convert("top.qed", "top.vhdx");
        Convert("middle.qed", "middle.vhdx");
        Convert("base.qed", "base.vhdx");
        AssertOnly("base.vhdx", "middle.vhdx", "top.vhdx");
        Assert.Equal(Patterns.Random(4096, 1), TestImage.ReadAll(_folder["top.vhdx"])[..4096]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_extent_of_the_source_is_never_the_target_under_any_name(bool deleteSource)
    {
        WriteSplit("disk", parts: 2);
        Link.Hard(_folder["hard.qed"], _folder["disk-f002.vmdk"]);
        Fingerprint before = Fingerprint.Of(_folder["disk-f002.vmdk"]);
        foreach (string name in new[] { "disk-f002.vmdk", "hard.qed" })
        {
            Fails.With(ErrorKind.ImageExists, "one of the files of", () => Convert("disk.vmdk", name, options => options with
            {
                Format = "qed",
                Force = true,
                DeleteSource = deleteSource,
            }));
        }

        before.AssertUntouched();
        AssertOnly("disk-f001.vmdk", "disk-f002.vmdk", "disk.vmdk", "hard.qed");
    }

    [Fact]
    public void A_new_extent_does_not_take_the_place_of_the_source()
    {
        File.WriteAllBytes(_folder["disk-flat.vmdk"], Part(1));
        Convert("disk-flat.vmdk", "disk.vmdk", options => options with
        {
            SourceFormat = "raw",
            Subformat = Subformat.Fixed,
            Force = true,
        });
        // The source is deleted, as it was to be; the extent that was made of it has a name that nothing had.
        AssertOnly("disk-flat.1.vmdk", "disk.vmdk");
        Assert.Equal(Part(1), File.ReadAllBytes(_folder["disk-flat.1.vmdk"]));
    }

    [Fact]
    public void Where_a_file_cannot_be_deleted_the_error_names_what_is_left()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "only Linux replaces an open file by a folder");
        WriteSplit("disk", parts: 3);
        var logger = new CallbackLogger((_, message) =>
        {
            // Once all is verified a folder stands where the second extent was, and a folder is no file to delete.
            if (!message.StartsWith("Verified ", StringComparison.Ordinal))
                return;
            File.Delete(_folder["disk-f002.vmdk"]);
            Directory.CreateDirectory(_folder["disk-f002.vmdk"]);
        });
        DiskImageException error = Assert.Throws<DiskImageException>(() => ConvertImage.Run(Options("disk.vmdk", "disk.qed"), logger: logger));
        Assert.Equal(_folder["disk-f002.vmdk"], error.Path);
        Assert.EndsWith($"by hand: '{_folder["disk-f002.vmdk"]}', '{_folder["disk-f003.vmdk"]}'.", error.Remedy!.Say(), StringComparison.Ordinal);
        AssertOnly("disk-f002.vmdk", "disk-f003.vmdk", "disk.qed");
        Assert.Equal([.. Part(1), .. Part(2), .. Part(3)], TestImage.ReadAll(_folder["disk.qed"]));
    }

    private static byte[] Part(int number) => Patterns.Random(SizeOfPart, number);

    /// <summary>A descriptor and its flat extents, as VMware splits a disk.</summary>
    private void WriteSplit(string name, int parts)
    {
        string[] lines = new string[parts];
        for (int i = 1; i <= parts; i++)
        {
            string file = $"{name}-f{i:d3}.vmdk";
            File.WriteAllBytes(_folder[file], Part(i));
            lines[i - 1] = $"RW {SectorsInPart} FLAT \"{file}\" 0";
        }

        File.WriteAllText(_folder[name + ".vmdk"], DescriptorOf(lines));
    }

    private static string DescriptorOf(params string[] extents)
        => $"# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\ncreateType=\"twoGbMaxExtentFlat\"\n{string.Join('\n', extents)}\n";

    private ConvertImageOptions Options(string source, string target)
        => new() { Path = _folder[source], DestinationPath = _folder[target], DeleteSource = true };

    private void Convert(string source, string target, Func<ConvertImageOptions, ConvertImageOptions>? change = null)
    {
        ConvertImageOptions options = Options(source, target);
        ConvertImage.Run(change is null ? options : change(options));
    }

    private void AssertOnly(params string[] names)
        => Assert.Equal(names, Directory.GetFileSystemEntries(_folder.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal)!);
}
