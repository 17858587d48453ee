using System;
using System.IO;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Tool;

/// <summary>Whatever call the system fails, a command either does all that it says without it, or fails and leaves what was there.</summary>
public sealed class SystemErrorTests : IDisposable
{
    private const string Convert = "convert -f raw -O qcow2 {d}/source.raw {d}/target.qcow2";

    private readonly TempFolder _folder = new();
    private readonly byte[] _contents = new byte[1 << 20];

    public SystemErrorTests()
    {
        new Random(1).NextBytes(_contents.AsSpan(100_000, 300_000));
        File.WriteAllBytes(_folder["source.raw"], _contents);
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("EIO", "the device reported an I/O error")]
    [InlineData("ENOSPC", "the disk is full")]
    [InlineData("EDQUOT", "the disk is full")]
    [InlineData("EFBIG", "does not allow a file this large")]
    public void A_write_that_fails_fails_the_conversion_and_nothing_is_left(string error, string words)
    {
        Strace.Traced traced = Fail("pwrite64", error, Convert, words);
        Assert.Contains(_folder["target.qcow2"], traced.Error, StringComparison.Ordinal);
        AssertOnlySource();
    }

    [Theory]
    [InlineData("EIO", "the device reported an I/O error")]
    [InlineData("EFBIG", "does not allow a file this large")]
    public void A_length_that_cannot_be_set_fails_the_creation_and_nothing_is_left(string error, string words)
    {
        Fail("ftruncate", error, "create -f raw {d}/target.raw 1M", words);
        AssertOnlySource();
    }

    [Fact]
    public void A_name_that_cannot_be_given_fails_the_conversion_and_nothing_is_left()
    {
        Fail("rename,renameat,renameat2,link,linkat", "EIO", Convert, "the device reported an I/O error");
        AssertOnlySource();
    }

    [Fact]
    public void What_cannot_be_told_of_a_target_is_not_taken_for_nothing()
    {
        Strace.Require();
        int call = Strace.Run("statx", "error=EIO:when=9999", Convert, _folder.Path).NumberOf("AT_FDCWD", _folder["target.qcow2"]);
        File.Delete(_folder["target.qcow2"]);
        Strace.Traced traced = Strace.Run("statx", FormattableString.Invariant($"error=EIO:when={call}"), Convert, _folder.Path);
        Assert.Equal((1, 1), (traced.ExitCode, traced.Injected));
        Assert.Contains($"'{_folder["target.qcow2"]}': the device reported an I/O error", traced.Error, StringComparison.Ordinal);
        AssertOnlySource();
    }

    [Theory]
    [InlineData("fallocate")]
    [InlineData("ioctl")]
    [InlineData("fadvise64")]
    public void A_call_that_only_helps_is_done_without(string call)
    {
        Strace.Require();
        Strace.Traced traced = Strace.Run(call, "error=EIO", Convert.Replace("convert", "convert --verify", StringComparison.Ordinal), _folder.Path);
        Assert.True(traced.ExitCode == 0, traced.Error);
        Assert.True(traced.Injected > 0);
        Assert.Equal(_contents, ReadContent.ToArray(new ReadContentOptions { Path = _folder["target.qcow2"] }));
    }

    [Fact]
    public void A_source_that_cannot_be_removed_is_named_with_what_is_left_of_it()
    {
        Strace.Traced traced = Fail("unlink,unlinkat", "EIO", "convert --delete-source -f raw -O qcow2 {d}/source.raw {d}/target.qcow2", "the device reported an I/O error");
        Assert.Contains("The target is complete and was verified", traced.Error, StringComparison.Ordinal);
        Assert.Equal(_contents, File.ReadAllBytes(_folder["source.raw"]));
        Assert.Equal(_contents, ReadContent.ToArray(new ReadContentOptions { Path = _folder["target.qcow2"] }));
    }

    [Fact]
    public void An_undo_file_that_cannot_be_removed_fails_the_undo_which_can_be_run_again()
    {
        byte[] leaky = MakeLeaky();
        RepairImage.Run(new RepairImageOptions { Path = _folder["image.qed"] });
        Fail("unlink,unlinkat", "EIO", "check --undo {d}/image.qed", "the device reported an I/O error");
        UndoRepair.Run(new UndoRepairOptions { Path = _folder["image.qed"] });
        Assert.Equal(leaky, File.ReadAllBytes(_folder["image.qed"]));
        Assert.False(File.Exists(_folder["image.qed.undo"]));
    }

    [Fact]
    public void An_undo_file_is_its_owners_alone_from_the_moment_that_it_is_there()
    {
        Strace.Require();
        MakeLeaky();
        Strace.Traced traced = Strace.Run("open,openat", "error=EIO:when=9999", "check -r all {d}/image.qed", _folder.Path);
        Assert.True(traced.ExitCode == 0, traced.Error);
        string created = Assert.Single(traced.Calls, call => call.Contains("image.qed.undo", StringComparison.Ordinal) && call.Contains("O_CREAT", StringComparison.Ordinal));
        Assert.Matches(@"O_EXCL.*, 0600\)", created);
    }

    private Strace.Traced Fail(string calls, string error, string line, string words)
    {
        Strace.Require();
        Strace.Traced traced = Strace.Run(calls, "error=" + error, line, _folder.Path);
        Assert.True(traced.ExitCode == 1 && traced.Injected > 0, $"exit code {traced.ExitCode}: {traced.Error}");
        Assert.Contains(words, traced.Error, StringComparison.Ordinal);
        return traced;
    }

    private void AssertOnlySource()
    {
        Assert.Equal([_folder["source.raw"]], Directory.GetFileSystemEntries(_folder.Path));
        Assert.Equal(_contents, File.ReadAllBytes(_folder["source.raw"]));
    }

    /// <summary>An image with a leaked cluster.</summary>
    private byte[] MakeLeaky()
    {
        string path = _folder["image.qed"];
        CreateImage.Run(new CreateImageOptions { Path = path, Size = 1 << 20 });
        using (var file = new FileStream(path, FileMode.Append))
            file.Write(new byte[65536]);
        return File.ReadAllBytes(path);
    }
}
