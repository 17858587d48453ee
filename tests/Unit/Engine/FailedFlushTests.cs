using System;
using Qed.Checking;
using Qed.Compaction;
using Qed.Engine;
using Qed.Images;
using Qed.Layout;
using Qed.Tests.Support;
using Qed.Transfer;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Engine;

/// <summary>
/// A flush that fails, whichever it is, fails the change of an image or its closing; a mark that it needs a check stays, and
/// what is in the file is sound: the old contents or the new ones.
/// </summary>
public sealed class FailedFlushTests
{
    private const int Cluster = 4096;
    private const int Size = 1 << 20;

    private static readonly byte[] Base = Patterns.Random(Size, 7);

    [Fact]
    public void Of_a_write() => FailEachFlush(Scattered(), isMarked: true, image => image.Write(new GuestOffset(100_000), Patterns.Random(300_000, 1)));

    [Fact]
    public void Of_a_shrink() => FailEachFlush(Scattered(), isMarked: true, image =>
    {
        image.SetSize(Size / 2);
        image.Rearrange(storage => new ClusterReclaimer(storage, null, default).Run());
    });

    [Fact]
    public void Of_a_growth() => FailEachFlush(Scattered(), isMarked: false, image => image.SetSize(2 * Size));

    [Fact]
    public void Of_a_write_over_a_backing_file()
        => FailEachFlush(OnBase(), isMarked: false, image => image.Write(new GuestOffset(100_000), Patterns.Random(5_000, 1)));

    [Fact]
    public void Of_a_growth_over_a_backing_file() => FailEachFlush(OnBase(), isMarked: false, image => image.SetSize(2 * Size));

    [Fact]
    public void Of_a_change_of_the_backing_file() => FailEachFlush(OnBase(), isMarked: false, image =>
    {
        new RebaseCopier(image, null).Run(ProgressMeter.Silent, default);
        image.Flush();
        image.SetBackingName(null);
    });

    [Fact]
    public void Later_flushes_that_succeed_take_no_mark_away()
    {
        var storage = new MemoryStorage(Scattered());
        using (QedImage image = Open(storage))
        {
            image.Write(new GuestOffset(100_000), Patterns.Random(300_000, 1));
            var flushes = new FailedFlush(1, storage);
            Fails.With(ErrorKind.AccessDenied, image.Flush);
            Assert.True(flushes.HasFailed);
            storage.BeforeChange = null;
        }

        Assert.True(IsMarked(storage.ToArray()));
    }

    private static void FailEachFlush(byte[] start, bool isMarked, Action<QedImage> change)
    {
        byte[] old = Contents(start);
        byte[] changed = Contents(ChangedBy(start, change));
        int failed = 0;
        while (TryFail(start, failed + 1, change) is { } left)
        {
            failed++;
            Assert.True(!isMarked || IsMarked(left) || left.AsSpan().SequenceEqual(start), $"the mark is gone although flush {failed} failed");
            CheckResult check = new ImageChecker(new MemoryStorage(left), 10).Run(ProgressMeter.Silent, default);
            Assert.True(check.Corruptions == 0, $"flush {failed}: {string.Join("; ", check.Issues)}");
            AssertOldOrNew(Contents(left), old, changed, $"flush {failed}");
        }

        Assert.True(failed >= 2, $"only {failed} flushes could fail");
    }

    /// <returns>What is in the file then; null where the change takes fewer flushes.</returns>
    private static byte[]? TryFail(byte[] start, int flush, Action<QedImage> change)
    {
        var storage = new MemoryStorage(start);
        var flushes = new FailedFlush(flush, storage);
        Exception? error = Record.Exception(() =>
        {
            using QedImage image = Open(storage);
            change(image);
        });
        if (!flushes.HasFailed)
        {
            Assert.Null(error);
            return null;
        }

        Assert.Equal(ErrorKind.AccessDenied, Assert.IsType<DiskImageException>(error).Kind);
        return storage.ToArray();
    }

    private static void AssertOldOrNew(byte[] seen, byte[] old, byte[] changed, string where)
    {
        Assert.True(seen.Length == old.Length || seen.Length == changed.Length, where);
        for (int i = 0; i < seen.Length; i++)
        {
            bool isOld = i < old.Length && seen[i] == old[i];
            if (!isOld && (i >= changed.Length || seen[i] != changed[i]))
                Assert.Fail($"{where}: byte {i} is neither old nor new");
        }
    }

    private static byte[] ChangedBy(byte[] start, Action<QedImage> change)
    {
        var storage = new MemoryStorage(start);
        using (QedImage image = Open(storage))
            change(image);
        return storage.ToArray();
    }

    private static QedImage Open(MemoryStorage storage)
    {
        QedImage image = QedImage.Open(storage, new QedOpenOptions { ForWriting = storage.CanWrite, NeedCheckVerified = true });
        if (image.BackingReference is not null)
            image.AttachBacking(new MemoryDisk(Base));
        return image;
    }

    private static byte[] Contents(byte[] file)
    {
        using QedImage image = Open(new MemoryStorage(file, canWrite: false));
        byte[] disk = new byte[image.Length];
        image.Read(new GuestOffset(0), disk);
        return disk;
    }

    private static bool IsMarked(byte[] file) => QedHeaderReader.Read(new MemoryStorage(file)).NeedsCheck;

    private static byte[] Scattered() => TestImage.Bytes(Size, Cluster, 1, image =>
    {
        for (int offset = Size - (8 * Cluster); offset > 0; offset -= 24 * Cluster)
            image.Write(new GuestOffset(offset), Patterns.Random(3 * Cluster, offset));
    });

    private static byte[] OnBase()
        => ChangedBy(TestImage.Bytes(Size), image => image.SetBackingName(new BackingReference("base.raw", "raw")));
}
