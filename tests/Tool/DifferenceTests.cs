using System;
using System.IO;
using System.Linq;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Tool;

/// <summary>Where the command does otherwise than qemu-img, on purpose: each difference that docs/tool.md names.</summary>
public sealed class DifferenceTests(SampleImages images) : IClassFixture<SampleImages>
{
    [Theory]
    [InlineData("convert -n -O qcow2 {d}/a.qed {d}/b.qcow2", "raw or a QED image")]
    [InlineData("convert -n -O qed -B a.raw -F raw {d}/a.raw {d}/empty.qed", "backing file")]
    [InlineData("convert -n --no-overwrite -O raw {d}/a.qed {d}/a.raw", "--no-overwrite")]
    [InlineData("convert -O qcow2 {d}/a.qed -", "stream")]
    [InlineData("convert --source-size 1M -O qed {d}/a.raw {d}/n", "--source-size")]
    [InlineData("convert --image-opts -O qed file.filename={d}/a.qed {d}/n", "--image-opts")]
    [InlineData("convert --object secret,id=s,data=x -O qed {d}/a.qed {d}/n", "--object")]
    [InlineData("convert -O qed -o size=30M {d}/a.qed {d}/n", "-o size")]
    [InlineData("create -f qcow2 -o lazy_refcounts=on {d}/n 1M", "lazy_refcounts")]
    [InlineData("create -f qcow2 -o compat=0.10 {d}/n 1M", "compat")]
    [InlineData("create -f raw -o preallocation=full {d}/n 1M", "preallocation")]
    [InlineData("create -f vmdk -o subformat=twoGbMaxExtentSparse {d}/n 1M", "subformat")]
    [InlineData("resize -f raw {d}/a.raw 20M", "raw")]
    [InlineData("resize {d}/a.qcow2 20M", "qcow2")]
    [InlineData("rebase -u -b '' {d}/b.qcow2", "qcow2")]
    [InlineData("commit {d}/b.qcow2", "QED and raw images")]
    [InlineData("commit -d --delete-source {d}/b.qed", "exclude each other")]
    [InlineData("snapshot -l {d}/a.qcow2", "snapshot")]
    [InlineData("amend -o compat=1.1 {d}/a.qcow2", "amend")]
    [InlineData("bench {d}/a.raw", "bench")]
    [InlineData("bitmap --add {d}/a.qcow2 name", "bitmap")]
    public void What_is_not_there_is_refused_by_name(string line, string name)
    {
        string[] before = Directory.GetFiles(images.Path);
        Qemu.Result ours = Run(line);
        Assert.Equal(1, ours.ExitCode);
        Assert.Contains(name, ours.Error, StringComparison.Ordinal);
        Assert.Equal(before, Directory.GetFiles(images.Path));
    }

    [Fact]
    public void An_image_that_was_not_closed_cleanly_is_said_to_be_so()
        => Assert.Contains("cleanly shut down: no", Run("info {d}/dirty.qed").Output, StringComparison.Ordinal);

    [Fact]
    public void An_entry_that_points_nowhere_does_not_count_as_allocated()
    {
        Qemu.Result ours = Run("check {d}/bad.qed");
        Assert.Equal(2, ours.ExitCode);
        Assert.Contains("1 errors were found on the image.", ours.Output, StringComparison.Ordinal);
        Assert.Contains("2/160 = 1.25% allocated", ours.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void An_image_is_checked_although_its_backing_file_is_gone()
        => Assert.Equal(0, Run("check {d}/orphan.qed").ExitCode);

    [Theory]
    [InlineData("a.qcow2")]
    [InlineData("a.vmdk")]
    [InlineData("a.vdi")]
    [InlineData("a.vhdx")]
    public void Only_qed_images_are_checked(string name)
        => Assert.Equal(63, Run("check {d}/" + name).ExitCode);

    [Fact]
    public void The_sector_sizes_of_a_VHDX_are_shown_beside_what_QEMU_shows()
    {
        Qemu.Require();
        string text = Invocation.Theirs("info {d}/a.vhdx", images.Path).Output;
        Assert.Equal(text + "Format specific information:\n    logical sector size: 512\n    physical sector size: 512\n", Run("info {d}/a.vhdx").Output);
        using var json = System.Text.Json.JsonDocument.Parse(Run("info --output=json {d}/a.vhdx").Output);
        Assert.Equal("""{"logical-sector-size":512,"physical-sector-size":512}""", Compact(json.RootElement.GetProperty("format-specific").GetProperty("data")));
        using var theirs = System.Text.Json.JsonDocument.Parse(Invocation.Theirs("info --output=json {d}/a.vhdx", images.Path).Output);
        foreach (System.Text.Json.JsonProperty property in theirs.RootElement.EnumerateObject())
            Assert.Equal(Compact(property.Value), Compact(json.RootElement.GetProperty(property.Name)));

        static string Compact(System.Text.Json.JsonElement element) => System.Text.Json.JsonSerializer.Serialize(element);
    }

    [Fact]
    public void The_sector_sizes_of_a_VHDX_are_chosen_by_options()
    {
        using TempFolder folder = Copy("a.raw");
        Assert.Contains("logical_sector_size=<size>", Invocation.Ours("create -f vhdx -o help", folder.Path).Output, StringComparison.Ordinal);
        Qemu.Result made = Invocation.Ours("create -f vhdx -o logical_sector_size=4k,physical_sector_size=4096 {d}/n.vhdx 1M", folder.Path);
        Assert.Equal("Formatting '{d}/n.vhdx', fmt=vhdx size=1048576 log_size=1048576 block_size=0 logical_sector_size=4096 physical_sector_size=4096\n", made.Output);
        Assert.Contains("logical sector size: 4096", Invocation.Ours("info {d}/n.vhdx", folder.Path).Output, StringComparison.Ordinal);
        Assert.Equal(0, Invocation.Ours("convert -O vhdx -o physical_sector_size=512 {d}/a.raw {d}/m.vhdx", folder.Path).ExitCode);
        Assert.Contains("physical sector size: 512", Invocation.Ours("info {d}/m.vhdx", folder.Path).Output, StringComparison.Ordinal);
        Qemu.Result refused = Invocation.Ours("create -f vhdx -o logical_sector_size=1024 {d}/x.vhdx 1M", folder.Path);
        Assert.Equal((1, true), (refused.ExitCode, refused.Error.Contains("it can be 512 or 4096", StringComparison.Ordinal)));
        Assert.Equal(1, Invocation.Ours("create -f qed -o logical_sector_size=512 {d}/x.qed 1M", folder.Path).ExitCode);
    }

    [Fact]
    public void A_shrink_is_done_where_it_is_allowed()
    {
        using TempFolder folder = Copy("a.qed");
        Qemu.Result ours = Invocation.Ours("resize --shrink {d}/a.qed 6M", folder.Path);
        Assert.Equal(("Image resized.\n", 0), (ours.Output, ours.ExitCode));
        Qemu.AssertSound(folder["a.qed"]);
        Assert.Equal(0, Invocation.Ours("resize --shrink {d}/a.qed -1M", folder.Path).ExitCode);
        Assert.Contains("(5242880 bytes)", Qemu.ImgOk("info", folder["a.qed"]), StringComparison.Ordinal);
    }

    [Fact]
    public void Clusters_that_take_no_space_are_free_and_nothing_is_wrong()
    {
        Wine.CannotShow("no file has holes");
        Qemu.Require();
        using TempFolder folder = Copy("a.qed");
        using (FileStream file = File.OpenWrite(folder["a.qed"]))
        {
            file.SetLength(file.Length + (2 * 65536));
            // What is not on the disk yet tells of no holes.
            file.Flush(flushToDisk: true);
        }

        Qemu.Result text = Invocation.Ours("check {d}/a.qed", folder.Path);
        Assert.Equal(0, text.ExitCode);
        Assert.Contains("No errors were found", text.Output, StringComparison.Ordinal);
        Assert.Contains("2 clusters of the file are free", text.Output, StringComparison.Ordinal);
        Qemu.Result json = Invocation.Ours("check --output=json {d}/a.qed", folder.Path);
        Assert.Equal(0, json.ExitCode);
        Assert.Contains("\"free-clusters\": 2", json.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("\"leaks\"", json.Output, StringComparison.Ordinal);
        // QEMU has one word for both.
        Assert.Equal(3, Qemu.Img("check", folder["a.qed"]).ExitCode);
    }

    [Fact]
    public void Lost_space_is_reclaimed_and_the_repair_can_be_undone()
    {
        using TempFolder folder = Copy("leak.qed");
        byte[] before = File.ReadAllBytes(folder["leak.qed"]);
        Qemu.Result repair = Invocation.Ours("check -r leaks {d}/leak.qed", folder.Path);
        Assert.Equal(0, repair.ExitCode);
        Assert.Contains("    2 leaked clusters\n    0 corruptions\n", repair.Output, StringComparison.Ordinal);
        Assert.Contains("No errors were found on the image.", repair.Output, StringComparison.Ordinal);
        Assert.Equal(0, Qemu.Img("check", folder["leak.qed"]).ExitCode);

        Assert.Equal(0, Invocation.Ours("check --undo {d}/leak.qed", folder.Path).ExitCode);
        Assert.Equal(before, File.ReadAllBytes(folder["leak.qed"]));
        Assert.Single(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void Corruptions_are_repaired_and_told_by_their_number()
    {
        using TempFolder folder = Copy("bad.qed");
        Qemu.Result repair = Invocation.Ours("check -r all --discard-undo --output=json {d}/bad.qed", folder.Path);
        Assert.Equal(0, repair.ExitCode);
        Assert.Contains("\"corruptions-fixed\": 1", repair.Output, StringComparison.Ordinal);
        Assert.Contains("\"leaks-fixed\": 1", repair.Output, StringComparison.Ordinal);
        Assert.Equal(0, Qemu.Img("check", folder["bad.qed"]).ExitCode);
        Assert.Single(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void A_dry_run_lists_what_a_repair_would_do_and_changes_nothing()
    {
        using TempFolder folder = Copy("bad.qed");
        byte[] before = File.ReadAllBytes(folder["bad.qed"]);
        Qemu.Result plan = Invocation.Ours("check -r all --dry-run {d}/bad.qed", folder.Path);
        Assert.Equal(2, plan.ExitCode);
        Assert.Contains("EntryBeyondEndOfFile", plan.Output, StringComparison.Ordinal);
        Assert.Contains("Repair: ", plan.Output, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(folder["bad.qed"]));
    }

    [Fact]
    public void An_online_check_reads_no_lock()
        => Assert.Equal(0, Run("check --online --max-rate 100M {d}/a.qed").ExitCode);

    [Fact]
    public void The_smallest_size_is_found_and_taken()
    {
        using TempFolder folder = Copy("a.qed");
        Assert.Equal(0, Invocation.Ours("resize {d}/a.qed minimum", folder.Path).ExitCode);
        Assert.Contains("(5308416 bytes)", Qemu.ImgOk("info", folder["a.qed"]), StringComparison.Ordinal);
    }

    [Fact]
    public void Control_characters_in_a_backing_files_name_do_not_reach_the_terminal()
    {
        using TempFolder folder = Copy("a.qed");
        Qemu.ImgOk("create", "-q", "-u", "-f", "qed", "-b", "\u001b[2Jgone", "-F", "raw", folder["n.qed"], "1M");
        Qemu.Result info = Invocation.Ours("info --backing-chain {d}/n.qed", folder.Path);
        Assert.Equal(1, info.ExitCode);
        Assert.DoesNotContain('\u001b', info.Error);
        Assert.Contains("\ufffd[2Jgone", Invocation.Ours("info {d}/n.qed", folder.Path).Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("qed")]
    [InlineData("qcow2")]
    [InlineData("vhdx")]
    [InlineData("vmdk")]
    public void A_measure_is_the_size_of_the_file_that_a_conversion_writes(string format)
    {
        using TempFolder folder = Copy("a.raw");
        string measure = Invocation.Ours($"measure --exact -O {format} {{d}}/a.raw", folder.Path).Output;
        Assert.Equal(0, Invocation.Ours($"convert -O {format} {{d}}/a.raw {{d}}/n", folder.Path).ExitCode);
        Assert.StartsWith($"required size: {new FileInfo(folder["n"]).Length}\n", measure, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("qed")]
    [InlineData("qcow2")]
    [InlineData("vhdx")]
    [InlineData("vmdk")]
    [InlineData("vdi")]
    [InlineData("vpc")]
    public void An_empty_disk_is_measured_by_its_size(string format)
    {
        using TempFolder folder = Copy("a.raw");
        string measure = Invocation.Ours($"measure --size 100M -O {format}", folder.Path).Output;
        Assert.Equal(0, Invocation.Ours($"create -f {format} {{d}}/n 100M", folder.Path).ExitCode);
        Assert.StartsWith($"required size: {new FileInfo(folder["n"]).Length}\n", measure, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_exists_can_be_kept()
    {
        using TempFolder folder = Copy("a.qed");
        byte[] before = File.ReadAllBytes(folder["a.qed"]);
        Qemu.Result create = Invocation.Ours("create --no-overwrite -f qed {d}/a.qed 1M", folder.Path);
        Assert.Equal(1, create.ExitCode);
        Assert.Contains("leave out --no-overwrite", create.Error, StringComparison.Ordinal);
        Assert.Equal(1, Invocation.Ours("convert --no-overwrite -f raw -O qed {d}/a.qed {d}/a.qed", folder.Path).ExitCode);
        Assert.Equal(before, File.ReadAllBytes(folder["a.qed"]));
    }

    [Fact]
    public void A_verified_source_can_be_deleted()
    {
        using TempFolder folder = Copy("a.raw");
        Assert.Equal(0, Invocation.Ours("convert --delete-source -O qed {d}/a.raw {d}/n.qed", folder.Path).ExitCode);
        Assert.Equal(["n.qed"], Directory.GetFiles(folder.Path).Select(Path.GetFileName));
    }

    private Qemu.Result Run(string line)
    {
        Qemu.Require();
        return Invocation.Ours(line, images.Path);
    }

    private TempFolder Copy(string name)
    {
        Qemu.Require();
        var folder = new TempFolder();
        File.Copy(Path.Combine(images.Path, name), folder[name]);
        return folder;
    }
}
