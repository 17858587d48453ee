using System;
using Qed.Operations;
using Qed.Storage;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Storage;

/// <summary>What the system reports is an error of the user's file, in words of its own; a fault of the program is none.</summary>
public sealed class StorageErrorsTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("")]
    [InlineData("a\0b.qed")]
    public void A_path_that_no_file_can_have_is_named_as_one_wherever_it_is_given(string path)
    {
        const string Rule = "the path is not valid on this system";
        string image = TestImage.Create(_folder["image.qed"], 1 << 20);
        Fails.With(ErrorKind.ImageNotFound, Rule, () => Describe.Of(path));
        Fails.With(ErrorKind.ImageNotFound, Rule, () => TestImage.Create(path, 1 << 20));
        Fails.With(ErrorKind.ImageNotFound, Rule, () => ConvertImage.Run(new ConvertImageOptions { Path = image, DestinationPath = path, Format = "raw" }));
        Fails.With(ErrorKind.ImageNotFound, Rule, () => ResizeImage.Run(new ResizeImageOptions { Path = path, Size = 1 << 21 }));
        Fails.With(ErrorKind.ImageNotFound, Rule, () => RepairImage.Run(new RepairImageOptions { Path = path }));
    }

    [Fact]
    public void A_fault_of_the_program_passes_for_nothing_else()
    {
        using HostFile file = HostFile.Create(_folder["file"]);
        Assert.False(StorageErrors.IsFromTheSystem(new ArgumentOutOfRangeException("offset")));
        Assert.False(StorageErrors.IsFromTheSystem(new NotSupportedException()));
        Assert.Throws<ArgumentNullException>(() => HostFile.Open(null!, StorageAccess.Read));
        file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => file.Read(0, new byte[1]));
        Assert.Throws<ObjectDisposedException>(() => file.Write(0, new byte[1]));
        Assert.Throws<ObjectDisposedException>(() => file.SetLength(1));
        Assert.Throws<ObjectDisposedException>(file.Flush);
    }

    [Fact]
    public void A_file_that_is_too_large_for_its_file_system_is_said_to_be_just_that()
    {
        // Of ext4 no file is larger than 16 TiB.
        using var disk = new ThinDisk();
        const string Rule = "does not allow a file this large";
        string image = TestImage.Create(_folder["image.qed"], 64L << 40);
        Fails.With(ErrorKind.NotEnoughSpace, Rule, () => CreateImage.Run(new CreateImageOptions { Path = disk["n.raw"], Size = 64L << 40, Format = "raw" }));
        Fails.With(ErrorKind.NotEnoughSpace, Rule, () => ConvertImage.Run(new ConvertImageOptions { Path = image, DestinationPath = disk["n.raw"] }));
        Assert.Empty(disk.Files);
    }
}
