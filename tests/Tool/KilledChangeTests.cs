using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Tool;

/// <summary>
/// A change in place that is killed, at any call that changes a file or at any moment, leaves an image that reads as before or as after it,
/// and the same command run again ends what was begun, with nothing left over.
/// </summary>
[Trait("Category", Torture.Category)]
public sealed class KilledChangeTests : IDisposable
{
    private const int Killed = 128 + 9;
    private const int Cluster = 4096;
    private const int NeedCheck = 2;
    private const int FeaturesOffset = 16;
    private const string Changing = "pwrite64,pwritev,fallocate,ftruncate,fsync,fdatasync,unlink,unlinkat,linkat";

    private static readonly int Points = 3 * Torture.Factor;

    private readonly TempFolder _ready = new();
    private readonly TempFolder _folder = new();
    private readonly byte[] _base = new byte[3 << 19];
    private readonly byte[] _disk;

    public KilledChangeTests()
    {
        new Random(1).NextBytes(_base);
        File.WriteAllBytes(_ready["base.raw"], _base);
        // Shorter than what it rests on, of which nothing may show when it grows.
        _disk = _base[..(1 << 20)];
        CreateImage.Run(new CreateImageOptions { Path = _ready["image.qed"], Size = _disk.Length, ClusterSize = Cluster, TableSize = 1, BackingPath = "base.raw", BackingFormat = "raw" });
        // From the end to the start, so that a shrink and an optimization have much to move; and some of it is zeroes.
        for (int offset = 900_000; offset > 0; offset -= 120_000)
        {
            byte[] data = new byte[60_000];
            new Random(offset).NextBytes(data);
            data.AsSpan(20_000, 20_000).Clear();
            data.CopyTo(_disk, offset);
            using var stream = new MemoryStream(data);
            WriteContent.Run(new WriteContentOptions { Path = _ready["image.qed"], Offset = offset, SourceStream = stream });
        }

        Fill();
    }

    public void Dispose()
    {
        _ready.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("resize {d}/image.qed +1M", (1 << 20) + (1 << 20))]
    [InlineData("resize --shrink {d}/image.qed 300k", 300 << 10)]
    [InlineData("rebase -b {d}/other.raw -F raw {d}/image.qed", 1 << 20)]
    [InlineData("optimize -m full {d}/image.qed", 1 << 20)]
    [InlineData("optimize -m defragment {d}/image.qed", 1 << 20)]
    [InlineData("commit {d}/image.qed", 1 << 20)]
    public void The_guest_sees_what_it_saw_or_what_it_should_and_another_run_ends_it(string line, int size)
    {
        byte[] after = new byte[size];
        _disk.AsSpan(0, Math.Min(size, _disk.Length)).CopyTo(after);
        foreach (string point in Kill(line, Fill))
        {
            byte[] seen = Read();
            Assert.True(seen.AsSpan().SequenceEqual(_disk) || seen.AsSpan().SequenceEqual(after), $"{line}, {point}: something else is read");
            CheckResult check = Check();
            Assert.True(check.Corruptions == 0 && (check.NeedsCheck || check.LeakedClusters == 0), $"{line}, {point}: {string.Join("; ", check.Issues)}");
            Qemu.Result again = Invocation.Ours(line.Replace("+1M", "2M", StringComparison.Ordinal), _folder.Path);
            Assert.True(again.ExitCode == 0, $"{line}, {point}, run again: {again.Error}");
            Assert.True(Read().AsSpan().SequenceEqual(after), $"{line}, {point}, run again");
            Assert.True(Check() is { IsClean: true, NeedsCheck: false, EntriesBeyondEnd: 0 }, $"{line}, {point}, run again: not clean");
            Assert.Equal(["base.raw", "image.qed", "other.raw"], Files());
        }
    }

    [Fact]
    public void A_repair_is_undone_to_the_byte_or_goes_on()
    {
        byte[] broken = Break();
        int number = 0;
        foreach (string point in Kill("check -r all {d}/image.qed", () => Restore(broken)))
        {
            if (number++ % 2 == 0)
            {
                RequireOk("check -r all {d}/image.qed", point);
                Assert.True(Check() is { IsClean: true, NeedsCheck: false, UnfinishedUndoPath: null }, point);
            }

            if (File.Exists(_folder["image.qed.undo"]))
                RequireOk("check --undo {d}/image.qed", point);
            Assert.True(File.ReadAllBytes(_folder["image.qed"]).AsSpan().SequenceEqual(broken), point);
            Assert.False(File.Exists(_folder["image.qed.undo"]), point);
        }
    }

    [Fact]
    public void An_undo_goes_on()
    {
        byte[] broken = Break();
        foreach (string point in Kill("check --undo {d}/image.qed", () =>
        {
            Restore(broken);
            RequireOk("check -r all {d}/image.qed", "before");
        }))
        {
            if (File.Exists(_folder["image.qed.undo"]))
                RequireOk("check --undo {d}/image.qed", point);
            Assert.True(File.ReadAllBytes(_folder["image.qed"]).AsSpan().SequenceEqual(broken), point);
        }
    }

    [Theory]
    [InlineData("vhdx")]
    [InlineData("vmdk")]
    public void A_conversion_leaves_its_source_and_a_whole_target_or_none(string format)
    {
        string line = $"convert -O {format} {{d}}/image.qed {{d}}/target.img";
        byte[] source = File.ReadAllBytes(_folder["image.qed"]);
        foreach (string point in Kill(line, () => File.Delete(_folder["target.img"])))
        {
            Assert.True(File.ReadAllBytes(_folder["image.qed"]).AsSpan().SequenceEqual(source), point);
            if (File.Exists(_folder["target.img"]))
                RequireOk($"compare -F {format} {{d}}/image.qed {{d}}/target.img", point);
            RequireOk(line, point);
            RequireOk($"compare -F {format} {{d}}/image.qed {{d}}/target.img", point);
            Assert.Equal(["base.raw", "image.qed", "other.raw", "target.img"], Files());
        }
    }

    /// <summary>Runs a command again and again and kills it each time: at calls that change a file, spread over all of them, and at moments.</summary>
    /// <returns>After each run, where it was killed; also where it had come to its end by then.</returns>
    private IEnumerable<string> Kill(string line, Action prepare)
    {
        Strace.Require();
        prepare();
        Strace.Traced whole = Strace.Run(Changing, "error=EIO:when=65535", line, _folder.Path);
        Assert.True(whole.ExitCode == 0, whole.Error);
        // Counted for each thread by itself, as strace does.
        int count = whole.Calls.GroupBy(call => call.Split(' ')[0]).Max(thread => thread.Count());
        Assert.True(count > 3);
        for (int i = 0; i < Points; i++)
        {
            prepare();
            int number = 1 + ((2 * i + 1) * count / (2 * Points));
            Strace.Traced traced = Strace.Run(Changing, FormattableString.Invariant($"signal=SIGKILL:when={number}"), line, _folder.Path);
            Assert.True(traced.ExitCode is Killed or 0, traced.Error);
            yield return $"call {number} of {count}";
        }

        foreach (int wait in Moments())
        {
            prepare();
            RunFor(line, wait);
            yield return $"after {wait} ms";
        }
    }

    /// <summary>Hundreds of them only where there is time for that.</summary>
    private static IEnumerable<int> Moments()
    {
        var random = new Random(Torture.Factor);
        return Enumerable.Range(0, Torture.Factor - 1).Select(_ => 60 + random.Next(400));
    }

    private void RunFor(string line, int milliseconds)
    {
        string[] words = [.. Invocation.Program, .. line.Split(' ').Select(word => word.Replace("{d}", _folder.Path, StringComparison.Ordinal))];
        using Process process = Process.Start(new ProcessStartInfo(words[0], words[1..]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        if (!process.WaitForExit(milliseconds))
            process.Kill();
        process.WaitForExit();
    }

    private void Fill()
    {
        foreach (string file in Directory.GetFiles(_folder.Path))
            File.Delete(file);
        foreach (string name in new[] { "base.raw", "image.qed" })
            File.Copy(_ready[name], _folder[name]);
        File.WriteAllBytes(_folder["other.raw"], new byte[1 << 20]);
    }

    /// <summary>An image that was not closed cleanly, with an entry that points nowhere and clusters that nothing references.</summary>
    private byte[] Break()
    {
        byte[] bytes = [.. File.ReadAllBytes(_ready["image.qed"]), .. new byte[3 * Cluster].Select((_, i) => (byte)i)];
        bytes[FeaturesOffset] |= NeedCheck;
        int l1 = (int)BitConverter.ToUInt64(bytes, 40);
        int l2 = (int)BitConverter.ToUInt64(bytes, l1);
        int entry = Enumerable.Range(0, 256).First(i => BitConverter.ToUInt64(bytes, l2 + (8 * i)) > 1);
        BitConverter.TryWriteBytes(bytes.AsSpan(l2 + (8 * entry)), 0x70000000UL);
        Restore(bytes);
        return bytes;
    }

    private void Restore(byte[] bytes)
    {
        File.Delete(_folder["image.qed.undo"]);
        File.WriteAllBytes(_folder["image.qed"], bytes);
    }

    private void RequireOk(string line, string point)
    {
        Qemu.Result result = Invocation.Ours(line, _folder.Path);
        Assert.True(result.ExitCode == 0, $"{line}, {point}: {result.ExitCode} {result.Error}");
    }

    private byte[] Read() => ReadContent.ToArray(new ReadContentOptions { Path = _folder["image.qed"] });

    private CheckResult Check() => CheckImage.Run(new CheckImageOptions { Path = _folder["image.qed"] });

    private string[] Files() => [.. Directory.GetFiles(_folder.Path).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];
}
