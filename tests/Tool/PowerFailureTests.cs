using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Tool;

/// <summary>
/// The power fails at any moment of a command: names that its folder has not been flushed for are there or not, and so is what was
/// not flushed of the files, in part. A target is whole or absent, what it replaces is there until then, and a repair can be undone.
/// </summary>
public sealed class PowerFailureTests : IDisposable
{
    private const int Size = 300 << 10;
    private const int Samples = 4;

    private readonly TempFolder _folder = new();
    private readonly TempFolder _after = new();
    private readonly byte[] _old = Patterns.Random(Size, 1);
    private readonly byte[] _new = Patterns.Random(Size / 2, 2);

    public void Dispose()
    {
        _folder.Dispose();
        _after.Dispose();
    }

    [Theory]
    [InlineData("qed", false)]
    [InlineData("qed", true)]
    [InlineData("qcow2", true)]
    [InlineData("vhdx", false)]
    [InlineData("vpc", true)]
    [InlineData("vdi", false)]
    [InlineData("raw", true)]
    [InlineData("vmdk", true)]
    [InlineData("vmdk -o subformat=monolithicFlat", false)]
    [InlineData("vmdk -o subformat=monolithicFlat", true)]
    public void A_target_is_the_old_image_or_none_until_it_is_the_new_one(string format, bool exists)
    {
        Strace.Require();
        if (exists)
            Convert(_old, format);
        Trace("convert -f raw -O " + format + " {d}/new.raw {d}/target.img", _new, (files, isOver) =>
        {
            Assert.Equal(_new, Save(files)["new.raw"]);
            if (!files.ContainsKey("target.img"))
            {
                Assert.False(exists || isOver, "the target is gone");
                return;
            }

            byte[] seen = Read("target.img", format.Split(' ')[0]);
            Assert.True(seen.AsSpan().StartsWith(_new) || (exists && !isOver && seen.AsSpan().StartsWith(_old)), "the target is neither the old image nor the new one");
        });
    }

    [Theory]
    [InlineData("qed")]
    [InlineData("vmdk -o subformat=monolithicFlat")]
    public void The_source_is_there_until_the_target_is(string format)
    {
        Strace.Require();
        Trace("convert --delete-source -f raw -O " + format + " {d}/new.raw {d}/target.img", _new, (files, isOver) =>
        {
            Dictionary<string, byte[]> saved = Save(files);
            if (saved.TryGetValue("new.raw", out byte[]? source))
                Assert.Equal(_new, source);
            if (source is null || isOver)
                Assert.True(Read("target.img", format.Split(' ')[0]).AsSpan().StartsWith(_new), "source and target are gone");
        });
    }

    [Fact]
    public void What_is_written_in_place_starts_with_nothing_until_it_is_whole()
    {
        const int Head = 4096;
        Strace.Require();
        File.WriteAllBytes(_folder["target.img"], _old);
        // Behind it the file stays as it was.
        byte[] whole = [.. _new, .. _old[_new.Length..]];
        Trace("convert -n -f raw -O raw {d}/new.raw {d}/target.img", _new, (files, isOver) =>
        {
            byte[] seen = Save(files)["target.img"];
            bool isOld = HeadIsOf(seen, _old);
            Assert.True(isOld || HeadIsOf(seen, whole), "the first bytes are neither old, nor new, nor nothing");
            if (seen.AsSpan(0, Head).ContainsAnyExcept((byte)0))
                Assert.True(seen.AsSpan(Head).SequenceEqual((isOld ? _old : whole).AsSpan(Head)), "it passes for what it is not yet, or no more");
            Assert.True(!isOver || seen.AsSpan().SequenceEqual(whole));
        });

        // Sector by sector, as the write of it may be under way.
        static bool HeadIsOf(byte[] seen, byte[] disk)
            => Enumerable.Range(0, Head / 512).All(sector => seen.AsSpan(sector * 512, 512) is var bytes
                && (bytes.SequenceEqual(disk.AsSpan(sector * 512, 512)) || !bytes.ContainsAnyExcept((byte)0)));
    }

    [Fact]
    public void A_repair_that_was_cut_short_leads_on_and_back()
    {
        Strace.Require();
        Convert(_old, "qed -o cluster_size=4096");
        string image = _folder["target.img"];
        using (FileStream file = File.OpenWrite(image))
        {
            // A mark, a reserved bit of an L1 entry, and a cluster that nothing leads to.
            file.Seek(16, SeekOrigin.Begin);
            file.WriteByte(2);
            file.Seek(0, SeekOrigin.End);
            file.Write(Patterns.Random(4096, 3));
        }

        byte[] broken = File.ReadAllBytes(image);
        Trace("check -r all {d}/target.img", _new, (files, isOver) =>
        {
            Save(files);
            string left = _after["target.img"];
            if (isOver)
                Assert.True(CheckImage.Run(new CheckImageOptions { Path = left }).IsClean);
            if (File.Exists(left + ".undo") && new FileInfo(left + ".undo").Length > 0)
                UndoRepair.Run(new UndoRepairOptions { Path = left });
            Assert.True(File.ReadAllBytes(left).AsSpan().SequenceEqual(broken), "undone, the image is not as it was");
            RepairImage.Run(new RepairImageOptions { Path = left, DiscardUndo = true });
            Assert.True(CheckImage.Run(new CheckImageOptions { Path = left }) is { IsClean: true, NeedsCheck: false });
            Assert.True(Read("target.img", "qed").AsSpan().StartsWith(_old));
        });
    }

    /// <summary>Runs a command, and looks at what a failure leaves at any of its changes, and after it.</summary>
    private void Trace(string line, byte[] source, Action<IReadOnlyDictionary<string, MemoryStorage>, bool> look)
    {
        File.WriteAllBytes(_folder["new.raw"], source);
        var trace = new FolderTrace(_folder.Path, () =>
        {
            Strace.Traced run = Strace.Record(line, _folder.Path);
            Assert.True(run.ExitCode == 0, run.Error);
            return run.Calls;
        });
        var random = new Random(1);
        var seen = new HashSet<ulong>();
        for (int crash = 0; crash <= trace.Log.Count; crash++)
        {
            IEnumerable<MemoryStorage[]> states = trace.Log.StatesAt(crash, isNewOnly: crash > 0 && crash < trace.Log.Count, random);
            foreach (MemoryStorage[] state in states.Concat(Enumerable.Range(0, Samples).Select(_ => trace.Log.CrashAt(crash, random))))
            {
                Dictionary<string, MemoryStorage> files = trace.FilesIn(state);
                bool isOver = crash == trace.Log.Count;
                ulong key = files.OrderBy(file => file.Key, StringComparer.Ordinal)
                    .Aggregate(isOver ? 1UL : 0, (sum, file) => (sum * 31) + file.Value.Fingerprint + (ulong)string.GetHashCode(file.Key, StringComparison.Ordinal));
                if (seen.Add(key))
                    look(files, isOver);
            }
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{trace.Log.Count} changes, {seen.Count} states");
        Assert.True(seen.Count >= 3, $"only {seen.Count} states");
    }

    private Dictionary<string, byte[]> Save(IReadOnlyDictionary<string, MemoryStorage> files)
    {
        foreach (string old in Directory.GetFiles(_after.Path))
            File.Delete(old);
        var saved = files.ToDictionary(file => file.Key, file => file.Value.ToArray());
        foreach ((string name, byte[] bytes) in saved)
            File.WriteAllBytes(_after[name], bytes);
        return saved;
    }

    private byte[] Read(string name, string format)
    {
        using var disk = new MemoryStream();
        ReadContent.Run(new ReadContentOptions { Path = _after[name], SourceFormat = format == "vpc" ? "vhd" : format, DestinationStream = disk });
        return disk.ToArray();
    }

    private void Convert(byte[] disk, string format)
    {
        File.WriteAllBytes(_folder["old.raw"], disk);
        Assert.Equal(0, Invocation.Ours("convert -f raw -O " + format + " {d}/old.raw {d}/target.img", _folder.Path).ExitCode);
        File.Delete(_folder["old.raw"]);
    }
}
