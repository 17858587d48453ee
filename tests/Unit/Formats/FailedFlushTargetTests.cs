using System;
using System.Collections.Generic;
using Qed.Formats;
using Qed.Images;
using Qed.Storage;
using Qed.Targets;
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
        var whole = new MemoryTarget(new FailedFlush(int.MaxValue));
        Fill(whole, format, subformat);
        Assert.All(whole.LastChanges, change => Assert.Equal(StorageChangeKind.Flush, change));
        Assert.True(whole.Flushes.Count >= whole.LastChanges.Count);
        for (int flush = 1; flush <= whole.Flushes.Count; flush++)
        {
            var target = new MemoryTarget(new FailedFlush(flush));
            Fails.With(ErrorKind.AccessDenied, () => Fill(target, format, subformat));
            Assert.True(target.Flushes.HasFailed);
        }
    }

    private static void Fill(MemoryTarget target, string format, Subformat subformat)
    {
        using ImageWriter writer = FormatRegistry.ByName(format).CreateWriter(target, new TargetOptions { Size = Size, Subformat = subformat });
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

    private sealed class MemoryTarget : ImageTarget
    {
        private readonly List<StorageChangeKind> _lastChanges = [];
        private readonly MemoryStorage _storage;

        internal MemoryTarget(FailedFlush flushes)
        {
            Flushes = flushes;
            _storage = NewFile();
        }

        public override string Target => "/memory/image.img";

        public override BlockStorage Storage => _storage;

        internal FailedFlush Flushes { get; }

        /// <summary>What was done last with each of the files.</summary>
        internal List<StorageChangeKind> LastChanges => _lastChanges;

        internal override (string Name, BlockStorage Storage) AddCompanion(string name) => (name, NewFile());

        private MemoryStorage NewFile()
        {
            var storage = new MemoryStorage();
            Flushes.Plant(storage);
            Action<StorageChange> count = storage.BeforeChange!;
            int file = _lastChanges.Count;
            _lastChanges.Add(StorageChangeKind.Write);
            storage.BeforeChange = change =>
            {
                _lastChanges[file] = change.Kind;
                count(change);
            };
            return storage;
        }
    }
}
