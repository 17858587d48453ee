using System;
using System.IO;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Tool;

/// <summary>What scripts look for in qemu-img's messages stands in ours as well.</summary>
public sealed class WordingTests(SampleImages images) : IClassFixture<SampleImages>
{
    [Theory]
    [InlineData("info {d}/none.qed", "Could not open '{d}/none.qed': No such file or directory")]
    [InlineData("convert -O raw {d}/none.qed {d}/n", "Could not open '{d}/none.qed': No such file or directory")]
    [InlineData("compare {d}/a.qed {d}/none.qed", "Could not open '{d}/none.qed': No such file or directory")]
    [InlineData("info -f qed {d}/a.raw", "Could not open '{d}/a.raw': ")]
    [InlineData("convert -O raw {d}/orphan.qed {d}/n", "Could not open backing file: Could not open '{d}/gone.qed': No such file or directory")]
    [InlineData("create -f qed -b none.qed -F qed {d}/n", "{d}/n: Could not open '{d}/none.qed': No such file or directory\nCould not open backing image.")]
    [InlineData("create -f qed -b none.qed {d}/n", "{d}/n: Could not open '{d}/none.qed': No such file or directory\nCould not open backing image.")]
    [InlineData("create -f qed -b a.qcow2 {d}/n", "{d}/n: Backing file specified without backing format")]
    [InlineData("create -f qed -b a.qcow2 {d}/n", "Detected format of qcow2.")]
    [InlineData("info --backing-chain {d}/loop.qed", "creates an infinite loop")]
    public void An_error_has_the_words_that_qemu_img_has(string line, string words)
    {
        Qemu.Require();
        using var folder = new TempFolder();
        foreach (string file in Directory.GetFiles(images.Path))
            File.Copy(file, folder[Path.GetFileName(file)]);
        Qemu.ImgOk("create", "-q", "-f", "qed", folder["loop.qed"], "1M");
        Qemu.ImgOk("rebase", "-q", "-u", "-f", "qed", "-b", "loop.qed", "-F", "qed", folder["loop.qed"]);
        Assert.Contains(words, Invocation.Theirs(line, folder.Path).Error, StringComparison.Ordinal);
        Assert.Contains(words, Invocation.Ours(line, folder.Path).Error, StringComparison.Ordinal);
        Assert.False(File.Exists(folder["n"]));
    }
}
