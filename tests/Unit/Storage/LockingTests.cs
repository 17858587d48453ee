using System;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Storage;

/// <summary>Nobody writes an image that somebody else uses, whether that is QEMU or another handle of this process.</summary>
public sealed class LockingTests : IDisposable
{
    private const int ImageSize = 1 << 20;

    private readonly TempFolder _folder = new();

    public LockingTests() => TestImage.Create(ImagePath, ImageSize);

    private string ImagePath => _folder["image.qed"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void An_image_that_qemu_io_writes_is_refused_by_the_name_of_qemu_io_and_can_still_be_described()
    {
        Qemu.Require();
        using (var session = new QemuIoSession(ImagePath))
        {
            DiskImageException error = Fails.With(ErrorKind.ImageInUse, "qemu-io", () => OpenImage.ForWriting(ImagePath).Dispose());
            Assert.Equal(ImagePath, error.Path);
            Fails.With(ErrorKind.ImageInUse, "qemu-io", () => OpenImage.ForReading(ImagePath).Dispose());
            Fails.With(ErrorKind.ImageInUse, "qemu-io", () => CheckImage.Run(new CheckImageOptions { Path = ImagePath }));
            Fails.With(ErrorKind.ImageInUse, "qemu-io", () => TestImageReplacement());
            Fails.With(ErrorKind.ImageInUse, "qemu-io", () => TestImage.Create(_folder["top.qed"], ImageSize, backing: "image.qed"));
            Assert.True(Describe.Of(ImagePath).InUse);
            Assert.Contains("wrote 4096/4096", session.Run("write -P 5 0 4096"), StringComparison.Ordinal);
        }

        Assert.Equal(5, TestImage.ReadAll(ImagePath)[0]);
        Assert.False(Describe.Of(ImagePath).InUse);
        TestImage.Write(ImagePath, 0, [6]);
    }

    [Fact]
    public void An_image_that_qemu_io_only_reads_is_read_by_us_too_and_not_written()
    {
        Qemu.Require();
        using (new QemuIoSession(ImagePath, readOnly: true))
        {
            Assert.Equal(ImageSize, TestImage.ReadAll(ImagePath).Length);
            Assert.False(Describe.Of(ImagePath).InUse);
            Fails.With(ErrorKind.ImageInUse, "qemu-io", () => OpenImage.ForWriting(ImagePath).Dispose());
        }

        TestImage.Write(ImagePath, 0, [6]);
    }

    [Fact]
    public void An_image_that_we_write_is_refused_by_qemu_io()
    {
        Qemu.Require();
        using (OpenImage.ForWriting(ImagePath))
        {
            AssertQemuRefused("write 0 512");
            AssertQemuRefused("read 0 512", "-r");
            Assert.True(Describe.Of(ImagePath).InUse);
        }

        Qemu.IoOk(ImagePath, "qed", ["write 0 512"]);
    }

    [Fact]
    public void An_image_that_we_read_is_read_by_qemu_io_and_not_written()
    {
        Qemu.Require();
        using (OpenImage.ForReading(ImagePath))
        {
            AssertQemuRefused("write 0 512");
            Assert.Equal(0, Qemu.Run("qemu-io", "-r", "-f", "qed", "-c", "read -P 0 0 512", ImagePath).ExitCode);
            Assert.False(Describe.Of(ImagePath).InUse);
        }

        Qemu.IoOk(ImagePath, "qed", ["write 0 512"]);
    }

    [Fact]
    public void A_backing_file_that_we_read_through_an_overlay_is_not_written_by_qemu_io()
    {
        Qemu.Require();
        TestImage.Create(_folder["top.qed"], ImageSize, backing: "image.qed");
        using (OpenImage.ForWriting(_folder["top.qed"]))
            AssertQemuRefused("write 0 512");
        Qemu.IoOk(ImagePath, "qed", ["write 0 512"]);
    }

    [Fact]
    public void A_writer_in_this_process_excludes_readers_and_writers_here()
    {
        using (OpenImage.ForWriting(ImagePath))
        {
            Fails.With(ErrorKind.ImageInUse, "this process", () => OpenImage.ForWriting(ImagePath).Dispose());
            Fails.With(ErrorKind.ImageInUse, "this process", () => OpenImage.ForReading(ImagePath).Dispose());
            Assert.True(Describe.Of(ImagePath).InUse);
        }

        TestImage.Write(ImagePath, 0, [6]);
    }

    [Fact]
    public void Readers_in_this_process_exclude_writers_only_until_the_last_has_closed()
    {
        var first = OpenImage.ForReading(ImagePath);
        var second = OpenImage.ForReading(ImagePath);
        Fails.With(ErrorKind.ImageInUse, () => OpenImage.ForWriting(ImagePath).Dispose());
        first.Dispose();
        Fails.With(ErrorKind.ImageInUse, () => OpenImage.ForWriting(ImagePath).Dispose());
        second.Dispose();
        TestImage.Write(ImagePath, 0, [6]);
    }

    [Fact]
    public void An_opening_that_fails_leaves_no_lock_behind()
    {
        TestImage.Create(_folder["top.qed"], ImageSize, backing: "image.qed");
        System.IO.File.Move(ImagePath, _folder["moved.qed"]);
        Fails.With(ErrorKind.BackingFileMissing, () => OpenImage.ForWriting(_folder["top.qed"]).Dispose());
        Fails.With(ErrorKind.BackingFileMissing, () => OpenImage.ForReading(_folder["top.qed"]).Dispose());
        System.IO.File.Move(_folder["moved.qed"], ImagePath);
        OpenImage.ForWriting(_folder["top.qed"]).Dispose();
        OpenImage.ForWriting(ImagePath).Dispose();
    }

    private void TestImageReplacement()
        => CreateImage.Run(new CreateImageOptions { Path = ImagePath, Size = ImageSize, Force = true });

    private void AssertQemuRefused(string command, params string[] more)
    {
        Qemu.Result result = Qemu.Run("qemu-io", [.. more, "-f", "qed", "-c", command, ImagePath]);
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("lock", result.Output + result.Error, StringComparison.Ordinal);
    }
}
