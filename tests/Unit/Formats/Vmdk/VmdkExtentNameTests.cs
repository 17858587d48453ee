using System;
using System.IO;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Formats.Vmdk;

/// <summary>A descriptor comes from anywhere, and must not show files that its sender cannot read (CVE-2022-47951).</summary>
public sealed class VmdkExtentNameTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly TempFolder _elsewhere = new();

    public VmdkExtentNameTests() => File.WriteAllBytes(_elsewhere["secret"], Patterns.Filled(1024, 0x53));

    public void Dispose()
    {
        _folder.Dispose();
        _elsewhere.Dispose();
    }

    [Theory]
    [InlineData("/etc/passwd")]
    [InlineData("/dev/zero")]
    [InlineData("../secret")]
    [InlineData("sub/file")]
    [InlineData("..\\secret")]
    [InlineData("..")]
    [InlineData(".")]
    [InlineData("")]
    [InlineData("C:\\secret")]
    [InlineData("C:secret")]
    [InlineData("\\\\server\\share\\file")]
    [InlineData("nbd://host/export")]
    [InlineData("json:{}")]
    [InlineData("file:secret")]
    [InlineData("flat.vmdk:stream")]
    [InlineData("a\u0001b")]
    public void Names_that_are_no_bare_file_names_are_refused(string name)
    {
        foreach (string type in new[] { "FLAT", "SPARSE", "VMFS" })
            AssertRefused(name, type);
    }

    [Fact]
    public void A_path_to_a_file_that_exists_is_refused_just_the_same() => AssertRefused(_elsewhere["secret"], "FLAT");

    [Fact]
    public void A_link_that_leads_out_of_the_folder_is_refused()
    {
        Link.Symbolic(_folder["near.vmdk"], _elsewhere["secret"]);
        AssertRefused("near.vmdk", "FLAT");
    }

    [Fact]
    public void A_link_over_a_link_that_leads_out_of_the_folder_is_refused()
    {
        Link.Symbolic(_folder["far.vmdk"], _elsewhere["secret"]);
        Link.Symbolic(_folder["near.vmdk"], "far.vmdk");
        AssertRefused("near.vmdk", "FLAT");
    }

    [Fact]
    public void A_link_within_the_folder_is_followed_and_the_folder_itself_may_be_a_link()
    {
        File.WriteAllBytes(_folder["data"], Patterns.Filled(1024, 7));
        Link.Symbolic(_folder["near.vmdk"], _folder["data"]);
        Describe("near.vmdk", "FLAT");
        Link.Symbolic(_elsewhere["alias"], _folder.Path);
        Assert.Equal(Patterns.Filled(1024, 7), TestImage.ReadAll(Path.Combine(_elsewhere["alias"], "disk.vmdk")));
    }

    [Fact]
    public void An_image_that_is_a_link_finds_its_extents_where_it_really_lies_only_by_links_beside_it()
    {
        File.WriteAllBytes(_folder["data"], Patterns.Filled(1024, 7));
        Describe("data", "FLAT");
        Link.Symbolic(_elsewhere["disk.vmdk"], _folder["disk.vmdk"]);
        DiskImageException error = Assert.Throws<DiskImageException>(() => TestImage.ReadAll(_elsewhere["disk.vmdk"]));
        Assert.Equal(ErrorKind.ImageNotFound, error.Kind);
        Link.Symbolic(_elsewhere["data"], _folder["data"]);
        Assert.Equal(Patterns.Filled(1024, 7), TestImage.ReadAll(_elsewhere["disk.vmdk"]));
    }

    [Fact]
    public void Describing_an_image_opens_no_extent_whatever_its_name()
    {
        Describe("/etc/passwd", "FLAT");
        ImageDescription image = Support.Describe.Of(_folder["disk.vmdk"]);
        Assert.Equal(1024, image.Size);
        Assert.Equal("monolithicFlat", image.Subformat);
        Describe("nowhere.vmdk", "SESPARSE");
        Assert.Equal(1024, Support.Describe.Of(_folder["disk.vmdk"]).Size);
    }

    [Fact]
    public void A_missing_extent_is_named()
    {
        Describe("gone-flat.vmdk", "FLAT");
        DiskImageException error = Assert.Throws<DiskImageException>(() => OpenImage.ForReading(_folder["disk.vmdk"]));
        Assert.Equal(ErrorKind.ImageNotFound, error.Kind);
        Assert.Contains("gone-flat.vmdk", error.Message, StringComparison.Ordinal);
        Assert.Equal(_folder["disk.vmdk"], error.Path);
    }

    [Fact]
    public void A_pipe_as_an_extent_is_refused_at_once()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "named pipes of this kind exist on Linux");
        Assert.Equal(0, Qemu.Run("mkfifo", _folder["pipe"]).ExitCode);
        Describe("pipe", "FLAT");
        Assert.Throws<DiskImageException>(() => OpenImage.ForReading(_folder["disk.vmdk"]));
    }

    private void AssertRefused(string name, string type)
    {
        Describe(name, type);
        DiskImageException error = Assert.Throws<DiskImageException>(() => OpenImage.ForReading(_folder["disk.vmdk"]));
        Assert.Equal(ErrorKind.BackingFileRefused, error.Kind);
        Assert.Equal(_folder["disk.vmdk"], error.Path);
        Assert.Contains("folder", error.Message, StringComparison.Ordinal);
    }

    private void Describe(string name, string type)
        => File.WriteAllText(_folder["disk.vmdk"], $"# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\ncreateType=\"monolithicFlat\"\nRW 2 {type} \"{name}\" 0\n");
}
