using Qed.Storage;
using Qed.Storage.Windows;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Storage.Windows;

/// <summary>Two files of Windows are never taken for one, and one is known again under any name where the system gives it a number.</summary>
public sealed class WindowsIdentityTests
{
    private const string Live = @"\Device\HarddiskVolume3\lab\a.qed";

    [Fact]
    public void A_file_is_known_again_under_another_name()
        => Assert.Equal(
            Of(new FakeWindowsHandle { Id = (7, 42, 0), Final = Live }, @"C:\lab\a.qed"),
            Of(new FakeWindowsHandle { Id = (7, 42, 0), Final = @"\Device\HarddiskVolume3\other\link.qed" }, @"C:\other\link.qed"));

    /// <summary>A shadow copy has the volume's number, and its files have theirs.</summary>
    [Fact]
    public void A_file_on_a_shadow_copy_is_not_the_live_one()
        => Assert.NotEqual(
            Of(new FakeWindowsHandle { Id = (7, 42, 0), Final = Live }, @"C:\lab\a.qed"),
            Of(
                new FakeWindowsHandle { Id = (7, 42, 0), Final = @"\Device\HarddiskVolumeShadowCopy5\lab\a.qed" },
                @"\\?\GLOBALROOT\Device\HarddiskVolumeShadowCopy5\lab\a.qed"));

    [Fact]
    public void A_file_on_a_copied_volume_is_another_one_even_where_the_device_is_not_told()
        => Assert.NotEqual(
            Of(new FakeWindowsHandle { Index = (7, 42) }, @"C:\lab\a.qed"),
            Of(new FakeWindowsHandle { Index = (7, 42) }, @"E:\lab\a.qed"));

    /// <summary>ReFS numbers files with 128 bits, of which the older call gives 64.</summary>
    [Fact]
    public void Files_that_differ_in_the_second_half_of_their_number_are_two()
        => Assert.NotEqual(
            Of(new FakeWindowsHandle { Id = (7, 42, 1), Index = (7, 42), Final = Live }, @"C:\lab\a.qed"),
            Of(new FakeWindowsHandle { Id = (7, 42, 2), Index = (7, 42), Final = Live }, @"C:\lab\a.qed"));

    [Theory]
    [InlineData(0UL)]
    [InlineData(ulong.MaxValue)]
    public void A_server_that_gives_no_numbers_does_not_make_all_its_files_one(ulong none)
    {
        FileIdentity first = Of(Unnumbered(none, @"\Device\Mup\nas\s\a.qed"), @"\\nas\s\a.qed");
        Assert.NotEqual(first, Of(Unnumbered(none, @"\Device\Mup\nas\s\b.qed"), @"\\nas\s\b.qed"));
        Assert.Equal(first, Of(Unnumbered(none, @"\Device\Mup\nas\s\a.qed"), @"N:\a.qed"));
    }

    [Fact]
    public void Files_of_two_servers_with_the_same_numbers_are_two()
        => Assert.NotEqual(
            Of(new FakeWindowsHandle { Id = (7, 42, 0), Final = @"\Device\Mup\nas1\s\a.qed" }, @"\\nas1\s\a.qed"),
            Of(new FakeWindowsHandle { Id = (7, 42, 0), Final = @"\Device\Mup\nas2\s\a.qed" }, @"\\nas2\s\a.qed"));

    [Fact]
    public void Where_nothing_is_told_the_path_is_all_there_is()
    {
        Assert.NotEqual(Of(new FakeWindowsHandle(), @"C:\a.qed"), Of(new FakeWindowsHandle(), @"C:\b.qed"));
        Assert.Equal(Of(new FakeWindowsHandle(), @"C:\a.qed"), Of(new FakeWindowsHandle(), @"C:\a.qed"));
    }

    private static FileIdentity Of(FakeWindowsHandle file, string path) => WindowsIdentity.Of(file, path);

    private static FakeWindowsHandle Unnumbered(ulong none, string final) => new() { Id = (7, none, none), Index = (7, none), Final = final };
}
