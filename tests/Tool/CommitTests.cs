using System;
using System.IO;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Tool;

/// <summary>What <c>qed commit</c> has beside qemu-img's: it looks out for others, says beforehand what it would do, and deletes.</summary>
public sealed class CommitTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public CommitTests()
    {
        Qemu.Require();
        Create("base.qed", null);
        Create("middle.qed", "base.qed");
        Create("top.qed", "middle.qed");
        Qemu.IoOk(_folder["top.qed"], "qed", ["write -P 3 64k 128k", "write -z 1M 64k"]);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void It_says_what_it_would_write_and_then_writes_it()
    {
        Fingerprint before = Fingerprint.Of(_folder["middle.qed"]);
        Qemu.Result plan = Run("commit --dry-run {d}/top.qed");
        Assert.Equal((0, "128 KiB would be written into '{d}/middle.qed', 0 B made zeroes.\n", string.Empty), (plan.ExitCode, plan.Output, plan.Error));
        before.AssertUntouched();
        Qemu.Result done = Run("commit {d}/top.qed");
        Assert.Equal((0, "Image committed.\n", string.Empty), (done.ExitCode, done.Output, done.Error));
        Qemu.IoOk(_folder["middle.qed"], "qed", ["read -P 3 64k 128k", "read -P 0 1M 64k"]);
    }

    [Fact]
    public void It_names_who_rests_on_the_base_and_how_to_go_on()
    {
        Create("sibling.qed", "middle.qed");
        Qemu.Result ours = Run("commit {d}/top.qed");
        Assert.Equal((1, string.Empty), (ours.ExitCode, ours.Output));
        Assert.Contains("'{d}/sibling.qed'", ours.Error, StringComparison.Ordinal);
        Assert.Contains("--force", ours.Error, StringComparison.Ordinal);
        ours = Run("commit --force {d}/top.qed");
        Assert.Equal(0, ours.ExitCode);
        Assert.StartsWith("qed: warning: '{d}/sibling.qed' reads differently", ours.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void It_searches_further_folders()
    {
        Directory.CreateDirectory(_folder["elsewhere/deep"]);
        Create("elsewhere/deep/sibling.qed", _folder["middle.qed"]);
        Qemu.Result ours = Run("commit --search-path {d}/elsewhere {d}/top.qed");
        Assert.Equal(1, ours.ExitCode);
        Assert.Contains(Path.Combine("deep", "sibling.qed"), ours.Error, StringComparison.Ordinal);
        Assert.Equal(1, Run("commit --search-path {d}/none {d}/top.qed").ExitCode);
    }

    [Fact]
    public void Into_the_lowest_image_it_goes_at_once_and_all_above_is_deleted()
    {
        Qemu.Result ours = Run("commit -b {d}/base.qed {d}/top.qed");
        Assert.Equal(1, ours.ExitCode);
        Assert.Contains("'{d}/middle.qed'", ours.Error, StringComparison.Ordinal);
        Assert.Equal(0, Run("commit --delete-source -b {d}/base.qed {d}/top.qed").ExitCode);
        Assert.Equal(["base.qed"], Array.ConvertAll(Directory.GetFiles(_folder.Path), file => Path.GetFileName(file)!));
        Qemu.IoOk(_folder["base.qed"], "qed", ["read -P 3 64k 128k"]);
    }

    private Qemu.Result Run(string line) => Invocation.Ours(line, _folder.Path);

    private void Create(string name, string? backing)
        => Qemu.ImgOk(["create", "-q", "-f", "qed", .. backing is null ? (string[])[] : ["-F", "qed", "-b", backing], _folder[name], "4M"]);
}
