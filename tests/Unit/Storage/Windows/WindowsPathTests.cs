using Xunit;

namespace Qed.Tests.Storage.Windows;

/// <summary>What a path means on Windows is told from its text, on any system.</summary>
public sealed class WindowsPathTests
{
    private const string Shadow = @"\\?\GLOBALROOT\Device\HarddiskVolumeShadowCopy7\";
    private const string VolumeRoot = @"\\?\Volume{01234567-89ab-cdef-0123-456789abcdef}\";

    [Theory]
    [InlineData(@"C:\lab\a.qed", "Drive")]
    [InlineData("c:/lab/a.qed", "Drive")]
    [InlineData(@"\\?\C:\lab\a.qed", "Drive")]
    [InlineData("//?/C:/lab/a.qed", "Drive")]
    [InlineData("C:a.qed", "OfDrive")]
    [InlineData("C:", "OfDrive")]
    [InlineData(@"\base.qed", "Rooted")]
    [InlineData("/base.qed", "Rooted")]
    [InlineData("base.qed", "Relative")]
    [InlineData(@"..\base.qed", "Relative")]
    [InlineData(@"\\server\share\a.qed", "Network")]
    [InlineData("//server/share/a.qed", "Network")]
    [InlineData(@"\/server\share\a.qed", "Network")]
    [InlineData(@"\\?\UNC\server\share\a.qed", "Network")]
    [InlineData(@"\\?\unc\server\share\a.qed", "Network")]
    [InlineData(@"\\server@SSL@443\share\a.qed", "Network")]
    [InlineData(@"\??\UNC\server\share\a.qed", "Device")]
    [InlineData("/??/UNC/server/share/a.qed", "Device")]
    [InlineData(@"\??\C:\a.qed", "Device")]
    [InlineData(@"\\.\UNC\server\share\a.qed", "Device")]
    [InlineData(@"\\.\C:\a.qed", "Device")]
    [InlineData(@"\\?\GLOBALROOT\Device\Mup\server\share\a.qed", "Device")]
    [InlineData(@"\\?\GLOBAL\UNC\server\share\a.qed", "Device")]
    [InlineData(@"\\.\CON", "Device")]
    [InlineData(@"\\.\pipe\x", "Pipe")]
    [InlineData("//./PIPE/x", "Pipe")]
    [InlineData(@"\\.\PhysicalDrive0", "Disk")]
    [InlineData(@"\\?\PhysicalDrive12", "Disk")]
    [InlineData(@"\\.\C:", "Disk")]
    [InlineData(@"\\?\Volume{01234567-89ab-cdef-0123-456789abcdef}", "Disk")]
    [InlineData(VolumeRoot + "a.qed", "Volume")]
    [InlineData(Shadow + "a.qed", "ShadowCopy")]
    public void The_form_of_a_path_says_where_it_leads(string path, string form) => Assert.Equal(form, WindowsPath.FormOf(path).ToString());

    [Theory]
    [InlineData(@"\\server\share\a.qed", "server")]
    [InlineData("//server/share/a.qed", "server")]
    [InlineData(@"\\?\UNC\server\share\a.qed", "server")]
    [InlineData(@"\\", "")]
    [InlineData(@"C:\a.qed", null)]
    [InlineData(VolumeRoot + "a.qed", null)]
    public void The_computer_that_is_asked_is_known_before_it_is(string path, string? server) => Assert.Equal(server, WindowsPath.ServerOf(path));

    [Theory]
    [InlineData("base.qed", @"D:\img\base.qed")]
    [InlineData("../base.qed", @"D:\base.qed")]
    [InlineData(@"..\..\..\base.qed", @"D:\base.qed")]
    [InlineData(@".\x\.\y\..\base.qed", @"D:\img\x\base.qed")]
    [InlineData(@"\base.qed", @"D:\base.qed")]
    [InlineData("/base.qed", @"D:\base.qed")]
    [InlineData(@"E:\base.qed", @"E:\base.qed")]
    [InlineData(@"\\?\E:\base.qed", @"E:\base.qed")]
    [InlineData(@"\\?\UNC\s\h\base.qed", @"\\s\h\base.qed")]
    [InlineData(@"\\s\h\..\..\base.qed", @"\\s\h\base.qed")]
    [InlineData("base.qed. ", @"D:\img\base.qed")]
    [InlineData("über漢.qed", @"D:\img\über漢.qed")]
    [InlineData("console.qed", @"D:\img\console.qed")]
    [InlineData("com10.qed", @"D:\img\com10.qed")]
    public void A_stored_name_is_meant_from_the_image_and_its_drive(string name, string expected)
        => Assert.Equal(expected, StoredName.TryResolve(name, @"D:\img\top.qed", out _, PathRules.Windows));

    [Fact]
    public void A_stored_name_is_meant_from_the_share_the_volume_or_the_shadow_copy_that_its_image_is_on()
    {
        Assert.Equal(@"\\s\h\x\base.qed", StoredName.TryResolve(@"\x\base.qed", @"\\s\h\img\top.qed", out _, PathRules.Windows));
        Assert.Equal(Shadow + "base.qed", StoredName.TryResolve(@"..\..\base.qed", Shadow + @"img\top.qed", out _, PathRules.Windows));
        Assert.Equal(VolumeRoot + @"img\base.qed", StoredName.TryResolve("base.qed", VolumeRoot + @"img\top.qed", out _, PathRules.Windows));
    }

    [Theory]
    [InlineData("CON", "device")]
    [InlineData("nul", "device")]
    [InlineData("aux.vhd", "device")]
    [InlineData(@"x\COM1.qed", "device")]
    [InlineData("LPT³", "device")]
    [InlineData(@"prn\base.qed", "device")]
    [InlineData("CONIN$", "device")]
    [InlineData("nul .vhd", "device")]
    [InlineData(@"\\.\PhysicalDrive0", "device")]
    [InlineData(@"\\.\pipe\x", "device")]
    [InlineData(@"\??\UNC\evil\s\x.vhdx", "device")]
    [InlineData(@"\\?\GLOBALROOT\Device\Mup\evil\s\x.vhdx", "device")]
    [InlineData("base.qed:stream", "stream")]
    [InlineData(@"C:\base.qed:stream:$DATA", "stream")]
    [InlineData(@"C:base.qed", "drive")]
    [InlineData("a*b.qed", "not a valid path")]
    [InlineData("a|b.qed", "not a valid path")]
    [InlineData("a\nb.qed", "not a valid path")]
    [InlineData(@"\\server", "not a full path")]
    [InlineData(@"\\s*\h\a.qed", "not a valid path")]
    public void A_stored_name_of_what_is_no_file_leads_nowhere(string name, string fault)
    {
        Assert.Null(StoredName.TryResolve(name, @"D:\img\top.qed", out string? found, PathRules.Windows));
        Assert.Contains(fault, found, System.StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(@"C:\lab\b.qed", @"C:\lab\a.qed", "b.qed")]
    [InlineData(@"c:\lab\b.qed", @"C:\lab\a.qed", "b.qed")]
    [InlineData(@"C:\LAB\b.qed", @"C:\lab\x\a.qed", "../b.qed")]
    [InlineData(@"C:\b.qed", @"C:\lab\a.qed", "../b.qed")]
    [InlineData(@"C:\b.qed", @"C:\a.qed", "b.qed")]
    [InlineData(@"\\?\C:\lab\b.qed", @"C:\lab\a.qed", "b.qed")]
    [InlineData(@"\\SRV\s\b.qed", @"\\srv\S\x\a.qed", "../b.qed")]
    [InlineData(@"\\?\UNC\srv\s\b.qed", @"\\srv\s\a.qed", "b.qed")]
    [InlineData(Shadow + @"x\b.qed", Shadow + @"a.qed", "x/b.qed")]
    [InlineData(@"D:\b.qed", @"C:\a.qed", @"D:\b.qed")]
    [InlineData(@"\\srv2\s\b.qed", @"\\srv1\s\a.qed", @"\\srv2\s\b.qed")]
    [InlineData(@"\\srv\s2\b.qed", @"\\srv\s1\a.qed", @"\\srv\s2\b.qed")]
    [InlineData(@"\\?\D:\b.qed", @"\\?\C:\a.qed", @"\\?\D:\b.qed")]
    public void A_name_to_store_is_relative_where_both_are_on_one_volume_or_share(string backing, string image, string expected)
        => Assert.Equal(expected, StoredName.NameFor(backing, image, PathRules.Windows));

    [Theory]
    [InlineData("/lab/b.qed", "/lab/a.qed", "b.qed")]
    [InlineData("/b.qed", "/lab/a.qed", "../b.qed")]
    [InlineData("/lab/B/b.qed", "/lab/b/a.qed", "../B/b.qed")]
    [InlineData("/lab/x\\y/b.qed", "/lab/a.qed", "x\\y/b.qed")]
    [InlineData("/lab/c:b.qed", "/lab/a.qed", "./c:b.qed")]
    public void Elsewhere_names_differ_by_case_and_a_backslash_is_a_letter(string backing, string image, string expected)
    {
        Assert.SkipWhen(HostPathRules.Current == PathRules.Windows, "these are paths of Linux");
        Assert.Equal(expected, StoredName.NameFor(backing, image));
    }

    [Theory]
    [InlineData(@"C:\a.qed", @"\\?\C:\a.qed")]
    [InlineData(@"\\s\h\a.qed", @"\\?\UNC\s\h\a.qed")]
    [InlineData(@"\\?\C:\a.qed", @"\\?\C:\a.qed")]
    [InlineData(@"\\.\PhysicalDrive0", @"\\.\PhysicalDrive0")]
    [InlineData(Shadow + "a.qed", Shadow + "a.qed")]
    public void The_system_gets_a_path_in_the_form_that_has_no_limit(string path, string expected) => Assert.Equal(expected, WindowsPath.Extended(path));
}
