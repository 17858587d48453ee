using System;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Tool;

/// <summary>A file system without locks is used all the same, and the user told once; one whose locks fail is not.</summary>
public sealed class MissingLocksTests : IDisposable
{
    private const string Compare = "compare -p {d}/a.qed {d}/b.qed";

    private readonly TempFolder _folder = new();

    public MissingLocksTests()
    {
        foreach (string name in new[] { "a.qed", "b.qed" })
            CreateImage.Run(new CreateImageOptions { Path = _folder[name], Size = 1 << 20 });
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void One_warning_for_all_images_of_a_file_system()
    {
        Strace.Require();
        int first = FirstLock("error=ENOLCK:when=9999", "a.qed");
        int second = FirstLock(FormattableString.Invariant($"error=ENOLCK:when={first}"), "b.qed");
        Strace.Traced traced = Strace.Run("fcntl", FormattableString.Invariant($"error=ENOLCK:when={first}..{second}+{second - first}"), Compare, _folder.Path);
        Assert.Equal((0, 2), (traced.ExitCode, traced.Injected));
        Assert.Equal(
            $"qed: warning: '{_folder["a.qed"]}' lies on a file system without locks: nothing keeps others from writing it meanwhile, so make sure that nobody does.",
            traced.Error.Trim());
    }

    [Fact]
    public void A_lock_that_fails_for_another_reason_is_an_error()
    {
        Strace.Require();
        int first = FirstLock("error=EIO:when=9999", "a.qed");
        Strace.Traced traced = Strace.Run("fcntl", FormattableString.Invariant($"error=EIO:when={first}"), Compare, _folder.Path);
        Assert.Equal(1, traced.Injected);
        Assert.Equal(2, traced.ExitCode);
        Assert.Contains("the device reported an I/O error", traced.Error, StringComparison.Ordinal);
    }

    /// <summary>Which of its thread's calls of fcntl is the first lock of a file: the runtime makes others, which must not fail.</summary>
    private int FirstLock(string fault, string name) => Strace.Run("fcntl", fault, Compare, _folder.Path).NumberOf("F_OFD_SETLK", _folder[name]);
}
