using System;
using System.Collections.Generic;
using Qed.Formats;
using Qed.Images;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Formats;

/// <summary>A new image of any format is whole only once every one of its files was flushed after its last change.</summary>
public sealed class FailedFlushTargetTests
{
    private const int Size = 8 << 20;

    public static TheoryData<string, Subformat> Formats()
    {
        var all = new TheoryData<string, Subformat>();
        foreach (ImageFormat format in FormatRegistry.All)
        {
            foreach (Subformat subformat in format.Subformats)
                all.Add(format.Name, subformat);
        }

        return all;
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Whichever_flush_fails_the_image_is_not_said_to_be_complete(string format, Subformat subformat)
    {
        var whole = new TrackedFiles(new FailedFlush(int.MaxValue));
        Fill(whole, format, subformat);
        Assert.All(whole.LastChanges, change => Assert.Equal(StorageChangeKind.Flush, change));
        Assert.True(whole.Flushes.Count >= whole.LastChanges.Count);
        for (int flush = 1; flush <= whole.Flushes.Count; flush++)
        {
            var target = new TrackedFiles(new FailedFlush(flush));
            Fails.With(ErrorKind.AccessDenied, () => Fill(target, format, subformat));
            Assert.True(target.Flushes.HasFailed);
        }
    }

    private static void Fill(TrackedFiles files, string format, Subformat subformat)
    {
        using ImageWriter writer = FormatRegistry.ByName(format).CreateWriter(new MemoryImage("image.img", files.New), new TargetOptions { Size = Size, Subformat = subformat });
        byte[] data = Patterns.Random(1 << 20, 1);
        var offset = new GuestOffset(2 << 20);
        if (writer.Encode(offset, data) is { } piece)
        {
            using (piece)
            {
                writer.Reserve(piece);
                writer.Write(piece);
            }
        }
        else
        {
            writer.Reserve(offset, data.Length);
            writer.Write(offset, data);
        }

        writer.Complete();
    }

    /// <summary>The files of an image in the making, in memory, and what was done last with each.</summary>
    private sealed class TrackedFiles(FailedFlush flushes)
    {
        internal FailedFlush Flushes { get; } = flushes;

        internal List<StorageChangeKind> LastChanges { get; } = [];

        internal MemoryStorage New()
        {
            var storage = new MemoryStorage();
            Flushes.Plant(storage);
            Action<StorageChange> count = storage.BeforeChange!;
            int file = LastChanges.Count;
            LastChanges.Add(StorageChangeKind.Write);
            storage.BeforeChange = change =>
            {
                LastChanges[file] = change.Kind;
                count(change);
            };
            return storage;
        }
    }
}
