using System;
using System.IO;
using System.Linq;
using System.Text.Json;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Tool;

/// <summary>Commands that write: each program works on a copy of its own, and leaves images of the same state and contents.</summary>
public sealed class WritingTests(SampleImages images) : IClassFixture<SampleImages>
{
    public static TheoryData<string> Rows { get; } =
    [
        // create
        "create {d}/n.raw 10M",
        "create -f raw {d}/n.raw 1000",
        "create -f qed {d}/n.qed 10M",
        "create -fqed {d}/n.qed 10M",
        "create -q -f qed {d}/n.qed 10M",
        "create -qf qed {d}/n.qed 10M",
        "create {d}/n.qed 10M -f qed",
        "create -f qcow2 -f qed {d}/n.qed 10M",
        "create -f qed -- {d}/n.qed 10M",
        "create -f qed {d}/n.qed 1000",
        "create -f qed {d}/n.qed 1.5k",
        "create -f qed {d}/n.qed 0x100000",
        "create -f qed {d}/n.qed 1048576b",
        "create -f qed {d}/n.qed 2T",
        "create -f qed {d}/n.qed 0",
        "create -f qed -o cluster_size=4k,table_size=8 {d}/n.qed 1M",
        "create -f qed -o cluster_size=64k -o table_size=2 {d}/n.qed 1M",
        "create -f qed -o size=2M {d}/n.qed",
        "create -f qed -o preallocation=off {d}/n.qed 1M",
        "create -f qed -b a.qed -F qed {d}/n.qed",
        "create -f qed -b a.qed -F qed {d}/n.qed 20M",
        "create -f qed -b a.raw -F raw {d}/n.qed",
        "create -f qed -b {d}/a.qed -F qed {d}/n.qed",
        "create -f qed -b a.qcow2 -F qcow2 {d}/n.qed",
        "create -f qed -b a.vhd -F vpc {d}/n.qed",
        "create -f qed -o backing_file=a.qed,backing_fmt=qed {d}/n.qed",
        "create -f qed -b a.qed -F qed -o backing_file=b.qed {d}/n.qed",
        "create -u -f qed -b none.qed -F qed {d}/n.qed 1M",
        "create -f qed -F raw {d}/n.qed 1M",
        "create -f qed {d}/a.qed 3M",
        "create -f qcow2 {d}/n.qcow2 1G",
        "create -f qcow2 -o cluster_size=4k {d}/n.qcow2 1G",
        "create -f qcow2 -o compat=1.1,lazy_refcounts=off {d}/n.qcow2 1G",
        "create -f qcow2 -b a.qcow2 -F qcow2 {d}/n.qcow2",
        "create -f vhdx {d}/n.vhdx 1G",
        "create -f vhdx -o block_size=1M {d}/n.vhdx 1G",
        "create -f vhdx -o subformat=fixed {d}/n.vhdx 8M",
        "create -f vpc -o force_size=on {d}/n.vhd 100M",
        "create -f vpc -o subformat=fixed,force_size=on {d}/n.vhd 8M",
        "create -f vdi {d}/n.vdi 1G",
        "create -f vdi -o static=on {d}/n.vdi 8M",
        "create -f vmdk {d}/n.vmdk 1G",
        "create -f vmdk -o subformat=monolithicSparse {d}/n.vmdk 1G",
        "create -f vmdk -b a.vmdk -F vmdk {d}/n.vmdk",

        // convert
        "convert {d}/a.qed {d}/n.raw",
        "convert -O raw {d}/b.qed {d}/n.raw",
        "convert -f qed -O raw {d}/a.qed {d}/n.raw",
        "convert -f raw -O qed {d}/a.raw {d}/n.qed",
        "convert -O qed {d}/a.qed {d}/n.qed",
        "convert -O qed {d}/b.qed {d}/n.qed",
        "convert -O qed {d}/a.qcow2 {d}/n.qed",
        "convert -O qed {d}/packed.qcow2 {d}/n.qed",
        "convert -O qed {d}/a.vdi {d}/n.qed",
        "convert -O qed {d}/a.vhd {d}/n.qed",
        "convert -O qed {d}/a.vhdx {d}/n.qed",
        "convert -O qed {d}/a.vmdk {d}/n.qed",
        "convert -O qcow2 {d}/a.qed {d}/n.qcow2",
        "convert -c -O qcow2 {d}/a.qed {d}/n.qcow2",
        "convert -O qcow2 -o cluster_size=4k {d}/a.qed {d}/n.qcow2",
        "convert -O vdi {d}/a.qed {d}/n.vdi",
        "convert -O vhdx {d}/a.qed {d}/n.vhdx",
        "convert -O vhdx -o subformat=fixed {d}/a.qed {d}/n.vhdx",
        "convert -O vmdk {d}/a.qed {d}/n.vmdk",
        "convert -O vmdk -o subformat=streamOptimized {d}/a.qed {d}/n.vmdk",
        "convert -O vpc -o force_size=on {d}/a.qed {d}/n.vhd",
        "convert -O vpc -o subformat=fixed,force_size=on {d}/a.qed {d}/n.vhd",
        "convert -O qed -o cluster_size=4k,table_size=2 {d}/a.qed {d}/n.qed",
        "convert -O qed -B a.qed -F qed {d}/b.qed {d}/n.qed",
        "convert -O qed -o backing_file=a.qed,backing_fmt=qed {d}/b.qed {d}/n.qed",
        "convert -p -O qed -q {d}/a.qed {d}/n.qed",
        "convert -W -m 16 -O qed {d}/a.qed {d}/n.qed",
        "convert -S 4k -O qed {d}/a.qed {d}/n.qed",
        "convert --salvage -O raw {d}/a.qed {d}/n.raw",
        "convert -C -O qed {d}/a.qed {d}/n.qed",
        "convert -t none -T none -O qed {d}/a.qed {d}/n.qed",
        "convert -t writeback -T directsync -U -O qed {d}/a.qed {d}/n.qed",
        "convert -O qed {d}/a.qed {d}/b.qed",
        "convert -O qed {d}/a.raw file:{d}/n.qed",
        "convert -n -O qed {d}/longer.raw {d}/b.qed",
        "convert -n -O raw {d}/a.qed {d}/longer.raw",
        "convert -n {d}/a.qcow2 {d}/a.raw",
        "convert -n --target-is-zero -O qed {d}/a.raw {d}/empty.qed",
        "convert -S 0 -O raw {d}/a.qed {d}/n.raw",
        "convert -S 0 -O qed {d}/a.qed {d}/n.qed",
        "convert -r 100M -O qed {d}/a.qed {d}/n.qed",
        "convert -O qed {d}/a.raw {d}/a.qcow2 {d}/b.qed {d}/n.qed",
        "convert -f qed -O raw {d}/a.qed {d}/b.qed {d}/n.raw",

        // dd
        "dd if={d}/a.qed of={d}/n.raw",
        "dd -f qed -O qed if={d}/b.qed of={d}/n.qed",
        "dd -U -O qed bs=64k count=10 if={d}/a.qed of={d}/n.qed",
        "dd bs=1M skip=3 if={d}/a.qcow2 of={d}/n.raw",
        "dd bs=5 count=7 if={d}/a.raw of={d}/n.raw",
        "dd bs=1M count=100 if={d}/a.raw of={d}/n.raw",
        "dd of={d}/n.raw if={d}/a.vmdk bs=0x1000 count=0",

        // resize
        "resize {d}/a.qed 12M",
        "resize {d}/a.qed +1M",
        "resize -f qed {d}/a.qed +1M",
        "resize {d}/a.qed 10M",
        "resize -q {d}/a.qed 13M",
        "resize --preallocation=off {d}/a.qed 13M",
        "resize {d}/b.qed 1G",

        // rebase
        "rebase -b a.raw -F raw {d}/b.qed",
        "rebase -b '' {d}/b.qed",
        "rebase -f qed -p -q -b '' {d}/b.qed",
        "rebase -b a.qcow2 -F qcow2 {d}/b.qed",
        "rebase -u -b a.raw -F raw {d}/b.qed",
        "rebase -u -b gone.qed -F qed {d}/b.qed",
        "rebase -u -b '' {d}/b.qed",
        "rebase -u {d}/b.qed",
        "rebase -u -b a.qed -F qed {d}/orphan.qed",
        "rebase -t none -T none -b a.raw -F raw {d}/b.qed",

        // commit
        "commit {d}/b.qed",
        "commit -q {d}/b.qed",
        "commit -d {d}/b.qed",
        "commit -b {d}/a.qed {d}/b.qed",
        "commit -b a.qed {d}/b.qed",
        "commit -p -q -f qed -t none -r 100M {d}/b.qed",

        // check -r
        "check -r all {d}/a.qed",
        "check -r leaks {d}/a.qed",
    ];

    public static TheoryData<string> Failures { get; } =
    [
        "create",
        "create {d}/n.qed",
        "create -f qed {d}/n.qed 1X",
        "create -f qed {d}/n.qed -1",
        "create -f qed {d}/n.qed 1k 2k",
        "create -f qed -o size=2M {d}/n.qed 3M",
        "create -f qed {d}/n.qed 9E",
        "create -f qed {d}/n.qed 1000000T",
        "create -f bogus {d}/n.qed 1M",
        "create -f qed {d}/none/n.qed 1M",
        "create -f qed -o bogus=1 {d}/n.qed 1M",
        "create -f qed -o cluster_size=5000 {d}/n.qed 1M",
        "create -f qed -o cluster_size=x {d}/n.qed 1M",
        "create -f qed -o cluster_size {d}/n.qed 1M",
        "create -f qed -o table_size=3 {d}/n.qed 1M",
        "create -f qed -o '' {d}/n.qed 1M",
        "create -f qed -b '' {d}/n.qed 1M",
        "create -f qed -b a.qed {d}/n.qed",
        "create -f qed -b none.qed -F qed {d}/n.qed",
        "create -f qed -b none.qed -F qed {d}/n.qed 1M",
        "create -f qed -b a.qed -F bogus {d}/n.qed",
        "create -u -f qed -b a.qed -F qed {d}/n.qed",
        "create -f raw -b a.qed -F qed {d}/n.raw 1M",
        "create -f vpc -o subformat=bogus {d}/n.vhd 1M",
        "create -Z {d}/n.qed 1M",
        "convert",
        "convert {d}/a.qed",
        "convert -O bogus {d}/a.qed {d}/n",
        "convert -f bogus {d}/a.qed {d}/n",
        "convert -f qed {d}/a.raw {d}/n",
        "convert -c -O qed {d}/a.qed {d}/n.qed",
        "convert -O qed {d}/none.qed {d}/n.qed",
        "convert -O qed {d}/a.qed {d}/none/n.qed",
        "convert -O qed {d}/a.qed {d}/a.qed",
        "convert -O qed {d}/bad.qed {d}/n.qed",
        "convert -O qed {d}/orphan.qed {d}/n.qed",
        "convert -O qed -o bogus=2 {d}/a.qed {d}/n.qed",
        "convert -O qed -o cluster_size=3 {d}/a.qed {d}/n.qed",
        "convert -O qed -B a.qed {d}/b.qed {d}/n.qed",
        "convert -O raw -B a.qed -F qed {d}/b.qed {d}/n.raw",
        "convert -l none -O qed {d}/a.qcow2 {d}/n.qed",
        "convert -l snapshot.name=none -O qed {d}/a.qcow2 {d}/n.qed",
        "convert -l none -O qed {d}/a.qed {d}/n.qed",
        "convert -S 5 -O qed {d}/a.qed {d}/n.qed",
        "convert -S x -O qed {d}/a.qed {d}/n.qed",
        "convert -m 0 -O qed {d}/a.qed {d}/n.qed",
        "convert -m 20 -O qed {d}/a.qed {d}/n.qed",
        "convert -t bogus -O qed {d}/a.qed {d}/n.qed",
        "convert -T bogus -O qed {d}/a.qed {d}/n.qed",
        "convert -D 3 {d}/a.qed {d}/n.qed",
        "convert --target-is-zero -O qed {d}/a.qed {d}/n.qed",
        "convert -n -O qed {d}/a.raw {d}/none.qed",
        "convert -n -O qed {d}/empty.qed {d}/a.qed",
        "convert -n -O raw {d}/b.qed {d}/a.raw",
        "convert -n -o cluster_size=4k -O qed {d}/a.raw {d}/empty.qed",
        "convert -n -O qed {d}/a.raw {d}/longer.raw",
        "convert -r x -O qed {d}/a.qed {d}/n.qed",
        "convert -l x -O qed {d}/a.qcow2 {d}/b.qcow2 {d}/n.qed",
        "convert -B a.qed -F qed -O qed {d}/a.qed {d}/b.qed {d}/n.qed",
        "convert -O qed {d}/a.qed {d}/none.qed {d}/n.qed",
        "dd",
        "dd if={d}/a.raw",
        "dd of={d}/n.raw",
        "dd if={d}/none.raw of={d}/n.raw",
        "dd if={d}/a.raw of={d}/n.raw bs=0",
        "dd if={d}/a.raw of={d}/n.raw bs=x",
        "dd if={d}/a.raw of={d}/n.raw bs=4G",
        "dd if={d}/a.raw of={d}/n.raw count=-1",
        "dd if={d}/a.raw of={d}/n.raw conv=sparse",
        "dd if={d}/a.raw of={d}/n.raw seek=1",
        "dd -O bogus if={d}/a.raw of={d}/n.raw",
        "dd -f qed if={d}/a.raw of={d}/n.raw",
        "dd -Z if={d}/a.raw of={d}/n.raw",
        "convert --bitmaps -O qcow2 {d}/a.qed {d}/n.qcow2",
        "resize",
        "resize {d}/a.qed",
        "resize {d}/a.qed 1X",
        "resize {d}/a.qed +",
        "resize {d}/a.qed -1M",
        "resize {d}/a.qed 1M",
        "resize {d}/a.qed -100M",
        "resize {d}/a.qed 14680065",
        "resize {d}/a.qed 100000T",
        "resize {d}/a.qed {d}/b.qed 1M",
        "resize {d}/none.qed 1M",
        "resize --preallocation=full {d}/a.qed 14M",
        "resize {d}/a.vdi 20M",
        "resize {d}/a.vhd 20M",
        "resize {d}/a.vmdk 20M",
        "resize {d}/a.vhdx 20M",
        "resize -Z {d}/a.qed 20M",
        "rebase",
        "rebase {d}/b.qed",
        "rebase -b a.raw {d}/b.qed",
        "rebase -u -b a.raw {d}/b.qed",
        "rebase -b none.raw -F raw {d}/b.qed",
        "rebase -b a.raw -F bogus {d}/b.qed",
        "rebase -b b.qed -F qed {d}/b.qed",
        "rebase -t bogus -b a.raw -F raw {d}/b.qed",
        "rebase -b a.raw -F raw {d}/none.qed",
        "rebase -b a.qed -F qed {d}/a.vdi",
        "rebase -b a.raw -F raw {d}/orphan.qed",
        "rebase -b b.qed -F qed {d}/a.qed",
        "commit",
        "commit {d}/a.qed",
        "commit {d}/a.raw",
        "commit {d}/none.qed",
        "commit {d}/orphan.qed",
        "commit {d}/broken.qed",
        "commit {d}/b.qed {d}/b.qcow2",
        "commit -b {d}/none.qed {d}/b.qed",
        "commit -b {d}/a.raw {d}/b.qed",
        "commit -t bogus {d}/b.qed",
        "commit -f bogus {d}/b.qed",
        "commit -r x {d}/b.qed",
    ];

    [Theory]
    [MemberData(nameof(Rows))]
    public void Does_what_qemu_img_does(string line)
    {
        using var theirFolder = new TempFolder();
        using var ourFolder = new TempFolder();
        (Qemu.Result theirs, Qemu.Result ours) = RunBoth(line, theirFolder, ourFolder);
        Assert.True(theirs.ExitCode == 0 && ours.ExitCode == 0, $"qemu-img: {theirs}\nqed: {ours}");
        Assert.Equal(theirs.Output, ours.Output);
        AssertSameImages(theirFolder, ourFolder);
    }

    [Fact]
    public void A_mark_that_is_cleared_is_named_beside_what_qemu_img_says()
    {
        using var theirFolder = new TempFolder();
        using var ourFolder = new TempFolder();
        const string Line = "check -r all {d}/dirty.qed";
        (Qemu.Result theirs, Qemu.Result ours) = RunBoth(Line, theirFolder, ourFolder);
        Assert.True(theirs.ExitCode == 0 && ours.ExitCode == 0, $"qemu-img: {theirs}\nqed: {ours}");
        Assert.Equal("Repair: Clear the NEED_CHECK mark\n'qed check --undo' puts the image back; what it needs is in '{d}/dirty.qed.undo'.\n" + theirs.Output, ours.Output);
        AssertSameImages(theirFolder, ourFolder);
    }

    [Theory]
    [MemberData(nameof(Failures))]
    public void Fails_as_qemu_img_fails_and_leaves_the_files_as_they_were(string line)
    {
        using var theirFolder = new TempFolder();
        using var ourFolder = new TempFolder();
        (Qemu.Result theirs, Qemu.Result ours) = RunBoth(line, theirFolder, ourFolder);
        Assert.True(theirs.ExitCode != 0 && theirs.ExitCode == ours.ExitCode, $"qemu-img: {theirs}\nqed: {ours}");
        Assert.StartsWith("qed: ", ours.Error, StringComparison.Ordinal);
        Assert.Empty(ours.Output);
        AssertUntouched(line, ourFolder);
    }

    [Fact]
    public void Salvaging_goes_past_damage_with_a_warning_and_leaves_zeroes_there()
    {
        RequireQemu();
        using var folder = new TempFolder();
        const string Line = "convert --salvage --verify -O raw {d}/bad.qed {d}/n.raw";
        CopyFor(Line, folder);
        Qemu.Result ours = Invocation.Ours(Line, folder.Path);
        Assert.Equal((0, string.Empty), (ours.ExitCode, ours.Output));
        Assert.StartsWith("qed: warning: 65536 bytes of '{d}/bad.qed' could not be read", ours.Error, StringComparison.Ordinal);
        Assert.Equal(0, Invocation.Theirs("convert --salvage -O raw {d}/bad.qed {d}/theirs.raw", folder.Path).ExitCode);
        Assert.True(File.ReadAllBytes(folder["theirs.raw"]).AsSpan().SequenceEqual(File.ReadAllBytes(folder["n.raw"])));
        Assert.Empty(Invocation.Ours("convert -q --salvage -O raw {d}/bad.qed {d}/q.raw", folder.Path).Error);
        Assert.Equal(1, Invocation.Ours("convert --salvage --delete-source -O raw {d}/bad.qed {d}/d.raw", folder.Path).ExitCode);
        Assert.True(File.Exists(folder["bad.qed"]));
    }

    [Fact]
    public void Dd_copies_as_many_blocks_as_it_is_told_to_also_behind_others()
    {
        using var folder = new TempFolder();
        byte[] disk = Patterns.Random(1 << 20, 1);
        File.WriteAllBytes(folder["a.raw"], disk);
        Assert.Equal(0, Invocation.Ours("dd bs=1000 skip=3 count=20 if={d}/a.raw of={d}/n.raw", folder.Path).ExitCode);
        Assert.Equal(disk.AsSpan(3000, 20_000).ToArray(), File.ReadAllBytes(folder["n.raw"]));
        Qemu.Result ours = Invocation.Ours("dd bs=1M skip=2 if={d}/a.raw of={d}/n.raw", folder.Path);
        Assert.Equal((0, "qed: {d}/a.raw: cannot skip to specified offset\n"), (ours.ExitCode, ours.Error));
        Assert.Equal(0, new FileInfo(folder["n.raw"]).Length);
    }

    /// <summary>What a command may look at: images that it names, and the small ones, on which others rest. All would be fifty megabytes.</summary>
    private string[] NamesFor(string line)
        => [.. Names(images.Path).Where(name => line.Contains(name, StringComparison.Ordinal) || new FileInfo(Path.Combine(images.Path, name)).Length < 2 << 20)];

    private (Qemu.Result Theirs, Qemu.Result Ours) RunBoth(string line, TempFolder theirFolder, TempFolder ourFolder)
    {
        RequireQemu();
        CopyFor(line, theirFolder);
        CopyFor(line, ourFolder);
        return (Invocation.Theirs(line, theirFolder.Path), Invocation.Ours(line, ourFolder.Path));
    }

    private void CopyFor(string line, TempFolder folder)
    {
        foreach (string name in NamesFor(line))
            File.Copy(Path.Combine(images.Path, name), folder[name]);
    }

    private void AssertUntouched(string line, TempFolder folder)
    {
        Assert.Equal(NamesFor(line), Names(folder.Path));
        foreach (string name in Names(folder.Path))
            Assert.True(File.ReadAllBytes(Path.Combine(images.Path, name)).AsSpan().SequenceEqual(File.ReadAllBytes(folder[name])), name);
    }

    private static void AssertSameImages(TempFolder theirs, TempFolder ours)
    {
        // The undo file of a repair is ours alone.
        Assert.Equal(Names(theirs.Path), Names(ours.Path).Where(name => !name.EndsWith(".undo", StringComparison.Ordinal)));
        foreach (string name in Names(theirs.Path))
        {
            if (File.ReadAllBytes(theirs[name]).AsSpan().SequenceEqual(File.ReadAllBytes(ours[name])))
                continue;
            // QEMU does not look for the footer at the end of a fixed VHD.
            string? format = name.EndsWith(".vhd", StringComparison.Ordinal) ? "vpc" : null;
            JsonElement expected = Describe(theirs[name], format);
            JsonElement actual = Describe(ours[name], format);
            foreach (string member in new[] { "format", "virtual-size", "cluster-size", "backing-filename", "backing-filename-format", "dirty-flag" })
                Assert.Equal(Text(expected, member).Replace(theirs.Path, ours.Path, StringComparison.Ordinal), Text(actual, member));
            format = Text(expected, "format");
            if (Text(expected, "backing-filename") is "gone.qed" or "none.qed")
                continue;
            if (format == "qed")
                Qemu.AssertSound(ours[name], CheckImage.Run(new CheckImageOptions { Path = ours[name] }).FreeClusters);
            Qemu.ImgOk("compare", "-f", format, "-F", format, theirs[name], ours[name]);
        }
    }

    private static void RequireQemu()
    {
        Wine.CannotShow("hundreds of runs of QEMU take too long");
        Qemu.Require();
    }

    private static JsonElement Describe(string path, string? format)
        => JsonDocument.Parse(Qemu.ImgOk(format is null ? ["info", "--output=json", path] : ["info", "-f", format, "--output=json", path])).RootElement;

    private static string Text(JsonElement element, string member) => element.TryGetProperty(member, out JsonElement value) ? value.ToString() : string.Empty;

    private static string[] Names(string folder) => Directory.GetFiles(folder).Select(file => Path.GetFileName(file)!).Order(StringComparer.Ordinal).ToArray();
}
