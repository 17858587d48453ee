using System.IO;
using System.Linq;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Tool;

/// <summary><c>qed optimize</c>, which qemu-img has nothing like: QEMU judges what it leaves.</summary>
public sealed class OptimizeTests(SampleImages images) : IClassFixture<SampleImages>
{
    [Theory]
    [InlineData("optimize {d}/leak.qed", "128 KiB", "leak.qed")]
    [InlineData("optimize -m quick -f qed {d}/leak.qed", "128 KiB", "leak.qed")]
    [InlineData("optimize -m full {d}/leak.qed", "128 KiB", "leak.qed")]
    [InlineData("optimize -m defragment {d}/leak.qed", "128 KiB", "leak.qed")]
    public void It_says_what_it_would_give_back_then_gives_it_back(string line, string gain, string name)
    {
        Assert.SkipUnless(Qemu.IsInstalled, "qemu-img is not installed");
        using var folder = new TempFolder();
        string image = folder[name];
        File.Copy(Path.Combine(images.Path, name), image);
        Fingerprint before = Fingerprint.Of(image);
        long length = new FileInfo(image).Length;

        Qemu.Result plan = Invocation.Ours(line.Replace("optimize", "optimize --dry-run", System.StringComparison.Ordinal), folder.Path);
        Assert.Equal((0, string.Empty), (plan.ExitCode, plan.Error));
        Assert.StartsWith($"{gain} would be given back, ", plan.Output, System.StringComparison.Ordinal);
        before.AssertUntouched();

        Qemu.Result done = Invocation.Ours(line, folder.Path);
        Assert.Equal(plan.Output.Replace("would be ", string.Empty, System.StringComparison.Ordinal), done.Output);
        Assert.Equal(length - (128 << 10), new FileInfo(image).Length);
        Qemu.AssertSound(image);
        Qemu.ImgOk("compare", "-f", "qed", "-F", "raw", image, Path.Combine(images.Path, "a.raw"));
    }

    [Theory]
    [InlineData("optimize -m tight {d}/a.qed", "expecting 'quick', 'full' or 'defragment'")]
    [InlineData("optimize {d}/a.qcow2", "a.qcow2")]
    [InlineData("optimize {d}/bad.qed", "bad.qed")]
    [InlineData("optimize {d}/none.qed", "No such file or directory")]
    [InlineData("optimize", "xpect")]
    public void What_it_cannot_do_is_refused_and_changes_nothing(string line, string reason)
    {
        Assert.SkipUnless(Qemu.IsInstalled, "qemu-img is not installed");
        Fingerprint[] before = Directory.GetFiles(images.Path).Select(Fingerprint.Of).ToArray();
        Qemu.Result result = Invocation.Ours(line, images.Path);
        Assert.Equal((1, string.Empty), (result.ExitCode, result.Output));
        Assert.Contains(reason, result.Error, System.StringComparison.Ordinal);
        Assert.All(before, file => file.AssertUntouched());
    }
}
