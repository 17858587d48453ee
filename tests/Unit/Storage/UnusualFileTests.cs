using System;
using System.IO;
using System.Threading.Tasks;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Storage;

/// <summary>What is no image file, or must not be opened, is refused by kind, and nothing hangs or changes.</summary>
public sealed class UnusualFileTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_file_that_does_not_exist_is_not_found()
    {
        AssertRefused(_folder["missing.qed"], ErrorKind.ImageNotFound, "no such file");
        AssertRefused(Path.Combine(_folder["missing"], "image.qed"), ErrorKind.ImageNotFound, "no such folder");
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void A_folder_is_refused_as_a_folder()
    {
        Directory.CreateDirectory(_folder["folder.qed"]);
        AssertRefused(_folder["folder.qed"], ErrorKind.ImageNotRecognized, "folder");
        Fails.With(ErrorKind.ImageExists, "folder", () => TestImage.Create(_folder["folder.qed"], 1 << 20));
        Assert.Empty(Directory.GetFileSystemEntries(_folder["folder.qed"]));
    }

    [Fact]
    public async Task A_pipe_is_refused_at_once_instead_of_waiting_for_its_other_end()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "named pipes are files on Linux only");
        string pipe = _folder["pipe.qed"];
        Assert.Equal(0, Qemu.Run("mkfifo", pipe).ExitCode);
        Task refused = Task.Run(() =>
        {
            AssertRefused(pipe, ErrorKind.ImageNotRecognized, "only files and block devices");
            Fails.With(ErrorKind.ImageExists, () => TestImage.Create(pipe, 1 << 20));
        });
        await refused.WaitAsync(TimeSpan.FromSeconds(20));
    }

    [Fact]
    public void A_character_device_is_refused()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "devices are files on Linux only");
        AssertRefused("/dev/zero", ErrorKind.ImageNotRecognized, "only files and block devices");
    }

    [Fact]
    public void A_file_without_permission_is_denied_with_a_hint()
    {
        string path = Private(TestImage.Create(_folder["image.qed"], 1 << 20), 0);
        Fingerprint before = Fingerprint.Of(path);
        OtherUser.Run(path, () =>
        {
            AssertRefused(path, ErrorKind.AccessDenied, "access denied");
            Fails.With(ErrorKind.AccessDenied, "permissions", () => CheckImage.Run(new CheckImageOptions { Path = path }));
        });
        before.AssertUntouched();
    }

    [Fact]
    public void A_file_that_may_only_be_read_is_read_and_denied_for_writing()
    {
        string unreadable = Private(TestImage.Create(_folder["unreadable.qed"], 1 << 20), 0);
        string path = Private(TestImage.Create(_folder["image.qed"], 1 << 20), UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        Fingerprint before = Fingerprint.Of(path);
        OtherUser.Run(unreadable, () =>
        {
            Assert.Equal(1 << 20, TestImage.ReadAll(path).Length);
            Assert.Equal(1 << 20, Describe.Of(path).Size);
            Fails.With(ErrorKind.AccessDenied, "read-only", () => OpenImage.ForWriting(path));
            Fails.With(ErrorKind.AccessDenied, () => ResizeImage.Run(new ResizeImageOptions { Path = path, Size = 2 << 20 }));
        });
        before.AssertUntouched();
    }

    [Fact]
    public void A_folder_that_may_only_be_read_takes_no_new_image_and_the_error_names_the_image()
    {
        string unreadable = Private(TestImage.Create(_folder["unreadable.qed"], 1 << 20), 0);
        OtherUser.Run(unreadable, () =>
        {
            string path = _folder["new.qed"];
            DiskImageException error = Fails.With(ErrorKind.AccessDenied, () => TestImage.Create(path, 1 << 20));
            Assert.Equal(path, error.Path);
        });
        Assert.Equal([unreadable], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void A_name_that_no_system_takes_is_refused_as_a_name()
        => AssertRefused(_folder["a\0b.qed"], ErrorKind.ImageNotFound, "not valid");

    private static void AssertRefused(string path, ErrorKind kind, string message)
    {
        Fails.With(kind, message, () => OpenImage.ForReading(path).Dispose());
        Fails.With(kind, message, () => OpenImage.ForWriting(path).Dispose());
        Fails.With(kind, message, () => Describe.Of(path));
    }

    /// <summary>Sets a file's mode, and lets others into the folder so that only the file itself can keep them out.</summary>
    private string Private(string path, UnixFileMode mode)
    {
        if (!OperatingSystem.IsLinux())
            return path;
        const UnixFileMode Enter = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
            | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
        File.SetUnixFileMode(_folder.Path, Enter);
        File.SetUnixFileMode(path, mode);
        return path;
    }
}
