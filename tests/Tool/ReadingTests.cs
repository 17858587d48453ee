using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Tool;

/// <summary>Commands that only read: both programs look at the very same files, and say the same.</summary>
public sealed class ReadingTests(SampleImages images) : IClassFixture<SampleImages>
{
    public static TheoryData<string> Rows { get; } =
    [
        // info
        "info {d}/a.qed",
        "info {d}/b.qed",
        "info -f qed {d}/b.qed",
        "info -f raw {d}/a.qed",
        "info -U {d}/a.qed",
        "info --force-share {d}/a.qed",
        "info {d}/a.raw",
        "info {d}/a.qcow2",
        "info {d}/b.qcow2",
        "info {d}/old.qcow2",
        "info {d}/odd.qcow2",
        "info --output=json {d}/a.qcow2",
        "info --output=json {d}/b.qcow2",
        "info --output=json {d}/old.qcow2",
        "info --output=json {d}/odd.qcow2",
        "info --backing-chain {d}/b.qcow2",
        "info --backing-chain --output=json {d}/b.qcow2",
        "info {d}/a.vdi",
        "info {d}/a.vhd",
        "info -f vpc {d}/a.vhd",
        "info {d}/orphan.qed",
        "info {d}/empty.qed",
        "info --output=human {d}/a.qed",
        "info --output=json {d}/a.qed",
        "info --output json {d}/b.qed",
        "info --outp=json {d}/a.raw",
        "info --output=json {d}/orphan.qed",
        "info --output=json {d}/a.vhd",
        "info --output=json {d}/a.vdi",
        "info {d}/a.qed --output=json",
        "info --backing-chain {d}/a.qed",
        "info --backing-chain {d}/b.qed",
        "info --backing-chain --output=json {d}/a.qed",
        "info --backing-chain --output=json {d}/b.qed",
        "info --backing-chain -f qed {d}/b.qed",
        "info {d}/../{d}/a.qed",
        "info -- {d}/a.qed",
        "info file:{d}/a.raw",
        "info",
        "info {d}/a.qed {d}/b.qed",
        "info {d}/none.qed",
        "info -f qed {d}/a.raw",
        "info -f bogus {d}/a.qed",
        "info --output=xml {d}/a.qed",
        "info -Z {d}/a.qed",
        "info --bogus {d}/a.qed",
        "info -f",
        "info --backing-chain {d}/orphan.qed",
        "info nbd://127.0.0.1:1/none",

        // check
        "check {d}/a.qed",
        "check {d}/b.qed",
        "check {d}/empty.qed",
        "check {d}/leak.qed",
        "check -f qed {d}/a.qed",
        "check -q {d}/a.qed",
        "check -q {d}/leak.qed",
        "check -q {d}/bad.qed",
        "check -T none {d}/a.qed",
        "check -T writeback -U {d}/a.qed",
        "check -qU {d}/a.qed",
        "check --output=json {d}/a.qed",
        "check --output=json {d}/b.qed",
        "check --output=json {d}/empty.qed",
        "check --output=json {d}/leak.qed",
        "check --output=json -q {d}/leak.qed",
        "check {d}/a.raw",
        "check --output=json {d}/a.raw",
        "check -f raw {d}/a.qed",
        "check {d}/a.vhd",
        "check",
        "check {d}/a.qed {d}/b.qed",
        "check {d}/none.qed",
        "check -T bogus {d}/a.qed",
        "check -r bogus {d}/a.qed",
        "check --output=xml {d}/a.qed",
        "check -Z {d}/a.qed",
        "check -f qed {d}/broken.qed",

        // compare
        "compare {d}/a.qed {d}/a.raw",
        "compare -f qed -F raw {d}/a.qed {d}/a.raw",
        "compare {d}/a.qed {d}/a.qcow2",
        "compare {d}/a.qcow2 {d}/packed.qcow2",
        "compare {d}/a.qed {d}/a.vdi",
        "compare {d}/a.qed {d}/a.vmdk",
        "compare {d}/a.qed {d}/a.vhd",
        "compare {d}/a.qed {d}/a.vhdx",
        "compare {d}/a.qed {d}/b.qed",
        "compare {d}/b.qed {d}/a.qed",
        "compare {d}/a.qed {d}/longer.raw",
        "compare {d}/longer.raw {d}/a.qed",
        "compare -s {d}/a.qed {d}/longer.raw",
        "compare -s {d}/a.qed {d}/b.qed",
        "compare -q {d}/a.qed {d}/a.raw",
        "compare -q {d}/a.qed {d}/b.qed",
        "compare -qU -T none {d}/a.qed {d}/a.raw",
        "compare -f raw -F raw {d}/a.qed {d}/a.raw",
        "compare",
        "compare {d}/a.qed",
        "compare {d}/a.qed {d}/a.raw {d}/b.qed",
        "compare {d}/none.qed {d}/a.qed",
        "compare {d}/a.qed {d}/none.qed",
        "compare {d}/orphan.qed {d}/a.qed",
        "compare -f bogus {d}/a.qed {d}/a.raw",
        "compare -T bogus {d}/a.qed {d}/a.raw",
        "compare -Z {d}/a.qed {d}/a.raw",

        // map
        "map {d}/a.qed",
        "map {d}/b.qed",
        "map -f qed {d}/b.qed",
        "map -U {d}/b.qed",
        "map {d}/a.raw",
        "map {d}/a.qcow2",
        "map {d}/b.qcow2",
        "map {d}/packed.qcow2",
        "map {d}/empty.qed",
        "map --output=json {d}/a.qed",
        "map --output=json {d}/b.qed",
        "map --output=json {d}/a.raw",
        "map --output=json {d}/a.qcow2",
        "map --output=json {d}/b.qcow2",
        "map --output=json {d}/packed.qcow2",
        "map --output=json {d}/empty.qed",
        "map --output=json --start-offset=5M --max-length=64k {d}/b.qed",
        "map --output=json -s 4M -l 3M {d}/b.qed",
        "map --start-offset=5M {d}/a.qed",
        "map --max-length=64k {d}/a.qed",
        "map --start-offset=100M {d}/a.qed",
        "map --output=json --start-offset=100M {d}/a.qed",
        "map",
        "map {d}/none.qed",
        "map --start-offset=x {d}/a.qed",
        "map --output=xml {d}/a.qed",
        "map {d}/orphan.qed",

        // measure
        "measure {d}/a.qed",
        "measure -O raw {d}/b.qed",
        "measure -f qed -O raw {d}/a.qed",
        "measure --output=json {d}/a.qed",
        "measure --size 1G",
        "measure --size=1G -O raw --output=json",
        "measure",
        "measure --size 1G {d}/a.qed",
        "measure {d}/a.qed {d}/b.qed",
        "measure {d}/none.qed",
        "measure --size x",
        "measure -O bogus {d}/a.qed",
        "measure -O qcow2 -o bogus=1 {d}/a.qed",
        "measure --output=xml {d}/a.qed",

        // The program itself
        "",
        "bogus",
        "-Z",
        "amend",
    ];

    [Fact]
    public void A_map_that_cannot_be_made_has_no_heading()
    {
        Qemu.Require();
        string path = System.IO.Path.Combine(images.Path, "in-use.qed");
        System.IO.File.Copy(System.IO.Path.Combine(images.Path, "a.qed"), path);
        using (Operations.OpenImage.ForWriting(path))
        {
            Qemu.Result ours = Invocation.Ours("map {d}/in-use.qed", images.Path);
            Assert.Equal((1, string.Empty), (ours.ExitCode, ours.Output));
        }

        System.IO.File.Delete(path);
    }

    [Theory]
    [InlineData(1536)]
    [InlineData(1_024_000)]
    [InlineData(1_179_648)]
    [InlineData(1_441_792)]
    [InlineData(10_747_904)]
    public void Sizes_are_rounded_as_qemu_img_rounds_them(int size)
    {
        Qemu.Require();
        string name = $"of-{size}-bytes.raw";
        string path = System.IO.Path.Combine(images.Path, name);
        System.IO.File.WriteAllBytes(path, new byte[size]);
        string line = $"info -f raw {{d}}/{name}";
        Assert.Equal(Invocation.Theirs(line, images.Path).Output.Split('\n')[2], Invocation.Ours(line, images.Path).Output.Split('\n')[2]);
        System.IO.File.Delete(path);
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public void Says_what_qemu_img_says(string line)
    {
        if (line.StartsWith("map", System.StringComparison.Ordinal) && line.EndsWith("a.raw", System.StringComparison.Ordinal))
            Wine.CannotShow("no file has holes");
        Qemu.Require();
        Qemu.Result theirs = Invocation.Theirs(line, images.Path);
        Qemu.Result ours = Invocation.Ours(line, images.Path);
        Assert.True(theirs.ExitCode == ours.ExitCode, $"qemu-img: {theirs}\nqed: {ours}");
        Assert.Equal(theirs.Output, ours.Output);
        Assert.Equal(theirs.Error.Trim().Length > 0, ours.Error.Trim().Length > 0);
        if (ours.Error.Length > 0)
            Assert.StartsWith("qed: ", ours.Error, System.StringComparison.Ordinal);
    }
}
