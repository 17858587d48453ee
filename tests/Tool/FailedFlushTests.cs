using System;
using System.Buffers.Binary;
using System.IO;
using System.Linq;
using System.Threading;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Tool;

/// <summary>
/// A flush that the system fails, once and whichever it is, fails the command: no source is deleted, no undo file removed,
/// no mark taken away.
/// </summary>
public sealed class FailedFlushTests : IDisposable
{
    private const int FeaturesOffset = 16;
    private const int NeedCheck = 2;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("EIO", "the device reported an I/O error")]
    [InlineData("ENOSPC", "the disk is full")]
    [InlineData("EROFS", "the file system is read-only")]
    public void Every_flush_that_fails_is_reported_in_the_words_of_its_error(string error, string words)
    {
        Strace.Require();
        MakeImage("image.qed");
        Strace.Traced traced = Strace.Run("fsync,fdatasync", $"error={error}", "resize {d}/image.qed +1M", _folder.Path);
        Assert.Equal(1, traced.ExitCode);
        Assert.True(traced.Injected > 0);
        Assert.Contains(words + ", and what was written last may not have reached the disk", traced.Error, StringComparison.Ordinal);
        Assert.Contains(_folder["image.qed"], traced.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("EINVAL")]
    [InlineData("EOPNOTSUPP")]
    public void A_file_system_that_knows_no_flush_is_used_without_one(string error)
    {
        Strace.Require();
        Strace.Traced traced = Strace.Run("fsync,fdatasync", $"error={error}", "create -f qed {d}/n.qed 1M", _folder.Path);
        Assert.Equal((0, string.Empty), (traced.ExitCode, traced.Error.Trim()));
        Assert.True(traced.Injected > 0);
    }

    [Fact]
    public void A_flush_that_a_signal_interrupts_is_asked_for_again()
    {
        Strace.Require();
        Strace.Traced traced = Strace.Run("fsync,fdatasync", "error=EINTR:when=1..2", "create -f qed {d}/n.qed 1M", _folder.Path);
        Assert.Equal((0, 2), (traced.ExitCode, traced.Injected));
        Assert.True(traced.Calls.Length > 4);
    }

    [Fact]
    public void Of_a_new_image() => FailEach(
        "create -f qed {d}/n.qed 1M",
        () => File.Delete(_folder["n.qed"]),
        // The last one is that of the folder: whether the name lasts is not known.
        (isLast, flush) => Assert.True(isLast == File.Exists(_folder["n.qed"]), $"flush {flush}"));

    [Theory]
    [InlineData("vhdx")]
    [InlineData("vmdk -o subformat=monolithicFlat")]
    public void Of_a_conversion_that_is_to_delete_its_source(string target)
    {
        byte[] source = [];
        FailEach(
            $"convert --verify --delete-source -O {target} {{d}}/image.qed {{d}}/new.img",
            () =>
            {
                source = MakeImage("image.qed");
                foreach (string file in Directory.GetFiles(_folder.Path, "new*"))
                    File.Delete(file);
            },
            (_, flush) =>
            {
                Assert.True(File.Exists(_folder["image.qed"]), $"the source is gone although flush {flush} failed");
                Assert.Equal(source, File.ReadAllBytes(_folder["image.qed"]));
                Assert.Empty(Directory.GetFiles(_folder.Path, "*.partial"));
            });
    }

    [Fact]
    public void Of_a_block_device_on_which_nothing_is_left_that_passes_for_an_image()
    {
        using var device = new LoopDevice(4 << 20);
        FailEach(
            $"convert -O qed {{d}}/image.qed {device.Path}",
            () => MakeImage("image.qed"),
            (_, flush) => Assert.True(device.Bytes().AsSpan(0, 4096).IndexOfAnyExcept((byte)0) < 0, $"flush {flush}"));
    }

    [Fact]
    public void Of_a_shrink() => FailEach("resize --shrink {d}/image.qed 192k", () => MakeImage("image.qed"), (isLast, flush) =>
    {
        // The very first one comes before the first change.
        bool isWhole = CheckImage.Run(new CheckImageOptions { Path = _folder["image.qed"] }) is { IsClean: true };
        Assert.True(IsMarked("image.qed") || (flush == 1 && isWhole), $"the mark is gone although flush {flush} failed");
    });

    [Fact]
    public void Of_a_change_of_the_backing_file() => FailEach(
        "rebase -b {d}/other.raw -F raw {d}/image.qed",
        () =>
        {
            File.WriteAllBytes(_folder["base.raw"], Enumerable.Repeat((byte)1, 1 << 20).ToArray());
            File.WriteAllBytes(_folder["other.raw"], Enumerable.Repeat((byte)2, 1 << 20).ToArray());
            File.Delete(_folder["image.qed"]);
            CreateImage.Run(new CreateImageOptions { Path = _folder["image.qed"], Size = 1 << 20, BackingPath = "base.raw", BackingFormat = "raw" });
        },
        (_, flush) =>
        {
            byte[] disk = ReadContent.ToArray(new ReadContentOptions { Path = _folder["image.qed"] });
            Assert.True(disk.AsSpan().IndexOfAnyExcept((byte)1) < 0, $"the contents have changed, flush {flush}");
        });

    [Fact]
    public void Of_a_merge_after_which_the_overlay_reads_as_before_and_can_be_merged()
    {
        byte[] shown = [];
        FailEach(
            "commit {d}/image.qed",
            () =>
            {
                File.WriteAllBytes(_folder["base.raw"], Enumerable.Repeat((byte)1, 1 << 20).ToArray());
                File.Delete(_folder["image.qed"]);
                CreateImage.Run(new CreateImageOptions { Path = _folder["image.qed"], Size = 1 << 20, BackingPath = "base.raw", BackingFormat = "raw" });
                using (var data = new MemoryStream(Enumerable.Repeat((byte)2, 200_000).ToArray()))
                    WriteContent.Run(new WriteContentOptions { Path = _folder["image.qed"], Offset = 100_000, SourceStream = data });
                shown = ReadContent.ToArray(new ReadContentOptions { Path = _folder["image.qed"] });
            },
            (_, flush) =>
            {
                Assert.True(ReadContent.ToArray(new ReadContentOptions { Path = _folder["image.qed"] }).AsSpan().SequenceEqual(shown), $"the contents have changed, flush {flush}");
                MergeImage.Run(new MergeImageOptions { Path = _folder["image.qed"] });
                Assert.Equal(shown, File.ReadAllBytes(_folder["base.raw"]));
            });
    }

    [Fact]
    public void Of_a_repair_which_can_be_undone_then()
    {
        byte[] broken = [];
        FailEach(
            "check -r all {d}/image.qed",
            () => broken = BreakImage("image.qed"),
            (isLast, flush) =>
            {
                bool isUnfinished = CheckImage.Run(new CheckImageOptions { Path = _folder["image.qed"] }).UnfinishedUndoPath is not null;
                Assert.True(isUnfinished || IsMarked("image.qed") || isLast, $"the mark is gone although flush {flush} failed");
                if (File.Exists(_folder["image.qed.undo"]))
                    UndoRepair.Run(new UndoRepairOptions { Path = _folder["image.qed"] });
                Assert.Equal(broken, File.ReadAllBytes(_folder["image.qed"]));
            });
    }

    [Fact]
    public void Of_an_undo_which_can_be_run_again()
    {
        byte[] broken = [];
        FailEach(
            "check --undo {d}/image.qed",
            () =>
            {
                broken = BreakImage("image.qed");
                RepairImage.Run(new RepairImageOptions { Path = _folder["image.qed"] });
            },
            (isLast, flush) =>
            {
                Assert.True(isLast || File.Exists(_folder["image.qed.undo"]), $"the undo file is gone although flush {flush} failed");
                if (!isLast)
                    UndoRepair.Run(new UndoRepairOptions { Path = _folder["image.qed"] });
                Assert.Equal(broken, File.ReadAllBytes(_folder["image.qed"]));
            });
    }

    /// <summary>Runs a command again and again, each time failing another one of its flushes, and only that.</summary>
    private void FailEach(string line, Action prepare, Action<bool, int> look)
    {
        // What is flushed with fdatasync is the source, which is only read.
        const string Calls = "fsync";
        Strace.Require();
        prepare();
        Strace.Traced whole = Strace.Run(Calls, "error=EIO:when=999", line, _folder.Path);
        Assert.True(whole.ExitCode == 0, whole.Error);
        Assert.True(whole.Calls.Length >= 3, $"only {whole.Calls.Length} flushes");
        // Counted for each thread by itself, as strace does.
        int count = whole.Calls.GroupBy(call => call.Split(' ')[0]).Max(thread => thread.Count());
        // All of a few; of many the first ones and the last ones, for a process each takes its time.
        foreach (int flush in Enumerable.Range(1, count).Where(flush => flush <= 2 || flush > count - 2))
        {
            Strace.Traced traced;
            int tries = 0;
            do
            {
                prepare();
                traced = Strace.Run(Calls, FormattableString.Invariant($"error=EIO:when={flush}"), line, _folder.Path);
            }
            // This time they fell to more threads, none of which came so far.
            while (traced.Injected == 0 && ++tries < 10);
            Assert.True(traced.Injected > 0, $"no thread comes to flush {flush}");
            Assert.True(traced.ExitCode == 1, $"flush {flush} of {count} failed, exit code {traced.ExitCode}\n{string.Join('\n', traced.Calls)}\n{traced.Error}");
            Assert.Contains("the device reported an I/O error", traced.Error, StringComparison.Ordinal);
            Assert.DoesNotContain(".partial", traced.Error, StringComparison.Ordinal);
            look(flush == count, flush);
        }
    }

    private bool IsMarked(string name) => (File.ReadAllBytes(_folder[name])[FeaturesOffset] & NeedCheck) != 0;

    /// <summary>A sound image with data here and there.</summary>
    private byte[] MakeImage(string name)
    {
        string path = _folder[name];
        File.Delete(path);
        File.Delete(path + ".undo");
        CreateImage.Run(new CreateImageOptions { Path = path, Size = 1 << 20, ClusterSize = 4096, TableSize = 1 });
        byte[] data = new byte[50_000];
        new Random(1).NextBytes(data);
        for (int offset = 800_000; offset > 0; offset -= 150_000)
        {
            using var stream = new MemoryStream(data);
            WriteContent.Run(new WriteContentOptions { Path = path, Offset = offset, SourceStream = stream }, cancellation: CancellationToken.None);
        }

        return File.ReadAllBytes(path);
    }

    /// <summary>An image that is marked, with an entry that points nowhere and leaked clusters.</summary>
    private byte[] BreakImage(string name)
    {
        byte[] bytes = MakeImage(name);
        bytes[FeaturesOffset] |= NeedCheck;
        int l1 = (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(40));
        int l2 = (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(l1));
        int entry = Enumerable.Range(0, 256).First(i => bytes.AsSpan(l2 + (8 * i), 8).IndexOfAnyExcept((byte)0) >= 0);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(l2 + (8 * entry)), 0x7000000);
        File.WriteAllBytes(_folder[name], bytes);
        return bytes;
    }
}
