using System.Collections.Generic;
using Qed.Chains;
using Qed.Formats.Vmdk;
using Qed.Images;
using Xunit;

namespace Qed.Tests.Chains;

/// <summary>A name from an image makes Windows neither ask another computer, which learns who the user is, nor open a device.</summary>
public sealed class ForeignNameTests
{
    private const string Image = @"D:\img\top.vhdx";

    [Theory]
    [InlineData(@"\\evil\s\x.vhdx")]
    [InlineData("//evil/s/x.vhdx")]
    [InlineData(@"\\?\UNC\evil\s\x.vhdx")]
    [InlineData(@"/\evil\s\x.vhdx")]
    public void A_name_on_another_computer_is_known_for_one(string name)
    {
        string path = BackingNames.Resolve(name, Image, PathRules.Windows);
        Assert.True(BackingNames.IsRemote(path, Image, PathRules.Windows));
        Assert.True(BackingNames.IsRemote(path, @"\\good\s\top.vhdx", PathRules.Windows));
        // Whoever looks at the image has asked this computer already.
        Assert.False(BackingNames.IsRemote(path, @"\\EVIL\other\top.vhdx", PathRules.Windows));
    }

    [Theory]
    [InlineData(@"\??\UNC\evil\s\x.vhdx")]
    [InlineData("/??/UNC/evil/s/x.vhdx")]
    [InlineData(@"\\.\UNC\evil\s\x.vhdx")]
    [InlineData(@"\\?\GLOBALROOT\Device\Mup\evil\s\x.vhdx")]
    [InlineData(@"\\.\PhysicalDrive0")]
    [InlineData(@"\\.\pipe\x")]
    [InlineData(@"\\evil")]
    [InlineData("CON")]
    [InlineData("aux.vhd")]
    [InlineData("COM1")]
    [InlineData(@"base.vhdx\..\NUL")]
    public void A_name_of_a_device_or_of_the_kernels_own_is_refused(string name)
    {
        var error = Assert.Throws<DiskImageException>(() => BackingNames.Resolve(name, Image, PathRules.Windows));
        Assert.Equal(ErrorKind.BackingFileRefused, error.Kind);
        Assert.Contains(name, error.Message, System.StringComparison.Ordinal);
        Assert.NotNull(error.Remedy);
    }

    [Theory]
    [InlineData(@"base.vhdx", @"D:\img\base.vhdx")]
    [InlineData(@"\\?\E:\base.vhdx", @"E:\base.vhdx")]
    public void A_name_on_a_drive_is_a_path_of_this_computer(string name, string expected)
    {
        string path = BackingNames.Resolve(name, Image, PathRules.Windows);
        Assert.Equal(expected, path);
        Assert.False(BackingNames.IsRemote(path, Image, PathRules.Windows));
    }

    /// <summary>Microsoft's formats have several names for a parent, and any of them may be the bait.</summary>
    [Theory]
    [InlineData(false, @"D:\img\base.vhdx", @"E:\lab\base.vhdx")]
    [InlineData(true, @"D:\img\base.vhdx", @"E:\lab\base.vhdx", @"\\evil\s\x.vhdx", @"\\evil\s\y.vhdx")]
    public void Of_several_names_those_on_another_computer_are_asked_for_last_and_at_a_mere_look_never(bool isWanted, params string[] expected)
    {
        var reference = new BackingReference(@"\\evil\s\x.vhdx", "vhdx")
        {
            OtherNames = [@"\??\UNC\evil\s\x.vhdx", "CON", "base.vhdx:stream", "base.vhdx", @"\\?\UNC\evil\s\y.vhdx", @"\\.\UNC\evil\s\x.vhdx", @"\\?\E:\lab\base.vhdx"],
        };
        var asked = new List<string>();
        string path = BackingNames.Resolve(reference, Image, isWanted, Asks, PathRules.Windows);
        Assert.Equal(expected, asked);
        Assert.Equal(@"D:\img\base.vhdx", path);

        bool Asks(string name)
        {
            asked.Add(name);
            return false;
        }
    }

    [Fact]
    public void A_name_that_leads_nowhere_does_not_hide_a_good_one()
    {
        var reference = new BackingReference(@"\??\C:\x.vhdx", "vhdx") { OtherNames = ["a|b.vhdx", @".\base.vhdx"] };
        Assert.Equal(@"D:\img\base.vhdx", BackingNames.Resolve(reference, Image, isWanted: false, _ => true, PathRules.Windows));
    }

    [Theory]
    [InlineData("CON")]
    [InlineData("nul.vmdk")]
    [InlineData("com¹.vmdk")]
    public void An_extent_is_no_device_of_Windows(string name)
    {
        var error = Assert.Throws<DiskImageException>(() => ExtentFiles.RequireBareName(name, @"D:\img\disk.vmdk", PathRules.Windows));
        Assert.Equal(ErrorKind.BackingFileRefused, error.Kind);
        ExtentFiles.RequireBareName(name, "/img/disk.vmdk", PathRules.Unix);
    }
}
