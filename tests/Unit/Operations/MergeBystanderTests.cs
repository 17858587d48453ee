using System;
using System.IO;
using System.Linq;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Operations;

/// <summary>Images that rest on what a merge would change are found by their headers and named.</summary>
public sealed class MergeBystanderTests : IDisposable
{
    private const int Size = 1 << 20;

    private readonly TempFolder _folder = new();
    private readonly TempFolder _elsewhere = new();
    private readonly LoggedWarnings _warnings = new();

    public MergeBystanderTests()
    {
        TestImage.Create(_folder["base.qed"], Size);
        TestImage.Write(_folder["base.qed"], 0, Patterns.Random(Size / 2, 1));
        Overlay(_folder["middle.qed"], "base.qed");
        TestImage.Write(_folder["middle.qed"], 200_000, Patterns.Random(100_000, 3));
        Overlay(_folder["top.qed"], "middle.qed");
        TestImage.Write(_folder["top.qed"], 1000, Patterns.Random(100_000, 2));
    }

    public void Dispose()
    {
        _folder.Dispose();
        _elsewhere.Dispose();
    }

    [Fact]
    public void A_sibling_is_named_and_with_force_it_is_warned_of()
    {
        Overlay(_folder["sibling.qed"], "middle.qed");
        Refused("'" + _folder["sibling.qed"] + "'", new() { Path = _folder["top.qed"] });
        Merge(new() { Path = _folder["top.qed"], Force = true });
        Assert.Contains(_warnings.Messages, message => message.Contains("sibling.qed", StringComparison.Ordinal) && message.Contains("middle.qed", StringComparison.Ordinal));
    }

    [Fact]
    public void So_is_what_rests_on_a_sibling_and_one_that_has_another_name_for_the_file()
    {
        Link.Symbolic(_folder["alias.qed"], _folder["middle.qed"]);
        Overlay(_elsewhere["between.qed"], _folder["alias.qed"]);
        Overlay(_folder["sibling.qed"], _elsewhere["between.qed"]);
        DiskImageException error = Refused("'" + _folder["sibling.qed"] + "'", new() { Path = _folder["top.qed"] });
        Assert.DoesNotContain("between.qed", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Other_folders_are_searched_on_request_with_all_in_them()
    {
        Directory.CreateDirectory(_elsewhere["a/b"]);
        Overlay(_elsewhere["a/b/sibling.qed"], _folder["middle.qed"]);
        Refused("sibling.qed", new() { Path = _folder["top.qed"], SearchPaths = [_elsewhere.Path] });
        Fails.With(ErrorKind.ImageNotFound, "no such folder", () => Merge(new() { Path = _folder["top.qed"], SearchPaths = [_elsewhere["none"]] }));
        Merge(new() { Path = _folder["top.qed"] });
    }

    [Fact]
    public void The_folder_of_the_destination_is_searched_too()
    {
        Overlay(_elsewhere["top.qed"], _folder["middle.qed"]);
        TestImage.Write(_elsewhere["top.qed"], 0, [1]);
        Refused("'" + _folder["top.qed"] + "'", new() { Path = _elsewhere["top.qed"] });
    }

    [Fact]
    public void Images_of_other_formats_count()
    {
        Qemu.Require();
        Qemu.ImgOk("create", "-q", "-f", "qcow2", "-F", "qed", "-b", "middle.qed", _folder["sibling.qcow2"]);
        Refused("sibling.qcow2", new() { Path = _folder["top.qed"] });
    }

    [Fact]
    public void What_rests_on_the_overlay_shows_the_same_and_is_in_the_way_only_of_deleting_it()
    {
        Overlay(_folder["upper.qed"], "top.qed");
        byte[] shown = TestImage.ReadAll(_folder["upper.qed"]);
        Refused("upper.qed", new() { Path = _folder["top.qed"], Overlay = MergedOverlay.Deleted });
        Merge(new() { Path = _folder["top.qed"], Overlay = MergedOverlay.Deleted, Force = true });
        Assert.Contains(_warnings.Messages, message => message.Contains("is kept", StringComparison.Ordinal) && message.Contains("upper.qed", StringComparison.Ordinal));
        Assert.Equal(shown, TestImage.ReadAll(_folder["upper.qed"]));
        Merge(new() { Path = _folder["top.qed"] });
        Assert.Equal(shown, TestImage.ReadAll(_folder["upper.qed"]));
    }

    [Fact]
    public void What_lies_between_counts_unless_it_is_deleted_and_is_kept_where_another_image_rests_on_it()
    {
        MergeImageOptions options = new() { Path = _folder["top.qed"], DestinationPath = _folder["base.qed"] };
        Refused("'" + _folder["middle.qed"] + "'", options);
        Refused("'" + _folder["middle.qed"] + "'", options with { Overlay = MergedOverlay.Kept });
        Overlay(_folder["sibling.qed"], "middle.qed");
        Refused("'" + _folder["sibling.qed"] + "'", options with { Overlay = MergedOverlay.Deleted });
        MergeResult result = Merge(options with { Overlay = MergedOverlay.Deleted, Force = true });
        Assert.Equal([_folder["top.qed"]], result.DeletedFiles);
        Assert.True(File.Exists(_folder["middle.qed"]));
    }

    [Fact]
    public void Whatever_else_lies_in_a_folder_is_passed_over()
    {
        File.WriteAllText(_folder["damaged.qed"], "no image");
        File.WriteAllBytes(_folder["empty.qcow2"], []);
        File.WriteAllBytes(_folder["cut.vhdx"], "vhdxfile"u8.ToArray());
        Directory.CreateDirectory(_folder["folder.qed"]);
        Overlay(_folder["orphan.qed"], "base.qed");
        byte[] orphan = File.ReadAllBytes(_folder["orphan.qed"]);
        File.WriteAllBytes(_folder["orphan.qed"], orphan.With(64, "gone.qed"u8));
        if (!OperatingSystem.IsWindows())
        {
            Qemu.Run("mkfifo", _folder["pipe.qed"]);
            Link.Symbolic(_folder["broken.qed"], _folder["none"]);
        }

        Merge(new() { Path = _folder["top.qed"] });
        Assert.Empty(_warnings.Messages);
    }

    [Fact]
    public void Of_many_files_only_the_headers_are_read()
    {
        ThreadReads.Require();
        const int Count = 600;
        byte[] other = TestImage.Bytes(Size, 65536, 4, image => image.Write(0L, Patterns.Random(Size, 4)));
        for (int i = 0; i < Count; i++)
            TestImage.WriteSparsely(_elsewhere[$"{i}.qed"], other.AsSpan(0, 200_000));
        long read = ThreadReads.During(() => Merge(new() { Path = _folder["top.qed"] }));
        long more = ThreadReads.During(() => Merge(new() { Path = _folder["top.qed"], SearchPaths = [_elsewhere.Path] }));
        Assert.InRange((more - read) / Count, 0, 20_000);
    }

    [Fact]
    public void Many_are_counted_and_some_are_named()
    {
        for (int i = 0; i < 12; i++)
            Overlay(_folder[$"sibling{i:00}.qed"], "middle.qed");
        Refused("and 4 more", new() { Path = _folder["top.qed"] });
    }

    private MergeResult Merge(MergeImageOptions options) => MergeImage.Run(options, logger: _warnings.Logger);

    private DiskImageException Refused(string name, MergeImageOptions options)
    {
        // What a link names is among the files.
        Fingerprint[] before = [.. Directory.GetFiles(_folder.Path).Where(file => !File.GetAttributes(file).HasFlag(FileAttributes.ReparsePoint)).Select(Fingerprint.Of)];
        DiskImageException error = Fails.With(ErrorKind.BackingFileRefused, name, () => Merge(options));
        Assert.Equal((options.Path, RemedyKind.ForceMerge), (error.Path, error.Remedy!.Kind));
        Fails.With(ErrorKind.BackingFileRefused, name, () => MergeImage.Plan(options));
        Fails.With(ErrorKind.BackingFileRefused, name, () => Foresight.Of(options));
        Assert.All(before, file => file.AssertUntouched());
        return error;
    }

    private static void Overlay(string path, string backing) => TestImage.Create(path, Size, backing: backing, backingFormat: "qed");
}
