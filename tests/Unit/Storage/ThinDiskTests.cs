using System.IO;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Storage;

/// <summary>A real disk that takes everything, and says only when it is flushed that it has lost it.</summary>
public sealed class ThinDiskTests
{
    [Theory]
    [InlineData("raw", Subformat.Dynamic)]
    [InlineData("qed", Subformat.Dynamic)]
    [InlineData("qcow2", Subformat.Dynamic)]
    [InlineData("vhdx", Subformat.Dynamic)]
    [InlineData("vmdk", Subformat.StreamOptimized)]
    public void A_conversion_that_did_not_reach_the_disk_is_no_success_and_its_source_stays(string format, Subformat subformat)
    {
        using var folder = new TempFolder();
        using var disk = new ThinDisk();
        string source = folder["source.raw"];
        File.WriteAllBytes(source, Patterns.Random(12 << 20, 1));
        Fingerprint before = Fingerprint.Of(source);
        string target = disk["target.img"];
        DiskImageException error = Assert.Throws<DiskImageException>(() => ConvertImage.Run(new ConvertImageOptions
        {
            Path = source,
            DestinationPath = target,
            Format = format,
            Subformat = subformat,
            Verify = true,
            DeleteSource = true,
        }));
        Assert.Equal(target, error.Path);
        before.AssertUntouched();
        Assert.Empty(disk.Files);
    }

    [Fact]
    public void What_fits_is_converted_verified_on_the_disk_and_its_source_deleted()
    {
        using var folder = new TempFolder();
        using var disk = new ThinDisk();
        string source = folder["source.raw"];
        byte[] contents = Patterns.Random(1 << 20, 1);
        File.WriteAllBytes(source, contents);
        ConvertImage.Run(new ConvertImageOptions { Path = source, DestinationPath = disk["target.qed"], DeleteSource = true });
        Assert.False(File.Exists(source));
        Assert.Equal(contents, TestImage.ReadAll(disk["target.qed"]));
    }
}
