using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using Qed.Images;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Tool;

/// <summary>Processes that want one image, or one name: who comes second is told who was first, and whoever wins, what is there is whole.</summary>
[Trait("Category", Torture.Category)]
public sealed class CompetingProcessesTests : IDisposable
{
    private const int Size = 1 << 20;

    // As the kernel knows them: by 15 characters.
    private const int LongestName = 15;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly TempFolder _folder = new();
    private readonly byte[] _disk = Patterns.Random(Size, 1);

    public CompetingProcessesTests()
    {
        CreateImage.Run(new CreateImageOptions { Path = Image, Size = Size, ClusterSize = 4096, TableSize = 2 });
        using var contents = new MemoryStream(_disk);
        WriteContent.Run(new WriteContentOptions { Path = Image, SourceStream = contents });
    }

    public static TheoryData<string, string> Holders => new()
    {
        { "qemu-nbd", "-t -f qed -k {d}/socket {d}/image.qed" },
        { "qemu-storage-daemon", "--blockdev file,node-name=f,filename={d}/image.qed --blockdev qed,node-name=d,file=f --nbd-server addr.type=unix,addr.path={d}/socket --export nbd,id=e,node-name=d,writable=on" },
        // A guest that has not begun to run yet.
        { "qemu-system-x86_64", "-S -M q35 -nodefaults -display none -monitor none -drive if=none,id=d,format=qed,file={d}/image.qed -device virtio-blk-pci,drive=d" },
    };

    private string Image => _folder["image.qed"];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Holders))]
    public void What_QEMU_has_open_is_refused_by_its_name_and_still_described(string program, string line)
    {
        Require(program);
        using (Process holder = Start([program], line))
        {
            try
            {
                for (var clock = Stopwatch.StartNew(); !IsInUse() && !holder.HasExited && clock.Elapsed < Patience;)
                    Thread.Sleep(10);
                Assert.True(IsInUse(), holder.HasExited ? holder.StandardError.ReadToEnd() : "it does not open the image");
                foreach (string ours in (string[])["check", "check -r all", "resize --shrink {d}/image.qed 512k", "rebase -u -b ''", "convert -O raw {d}/image.qed {d}/n.raw", "convert -O qed {d}/image.qed {d}/image.qed", "create -f qed {d}/image.qed 1M", "optimize"])
                {
                    Qemu.Result result = Invocation.Ours(ours.Contains("{d}", StringComparison.Ordinal) ? ours : ours + " {d}/image.qed", _folder.Path);
                    Assert.True(result.ExitCode != 0, ours);
                    Assert.Contains($"by {program[..Math.Min(program.Length, LongestName)]} (process {Qemu.Text(holder.Id)})", result.Error, StringComparison.Ordinal);
                }

                Assert.Equal(0, Invocation.Ours("info {d}/image.qed", _folder.Path).ExitCode);
                Assert.Equal(0, Invocation.Ours("check --online {d}/image.qed", _folder.Path).ExitCode);
            }
            finally
            {
                holder.Kill();
                holder.WaitForExit();
            }
        }

        Assert.False(IsInUse());
        Assert.Equal(_disk, ReadContent.ToArray(new ReadContentOptions { Path = Image }));
        Assert.Equal(0, Invocation.Ours("resize {d}/image.qed 2M", _folder.Path).ExitCode);
    }

    [Theory]
    [MemberData(nameof(Holders))]
    public void What_we_have_open_QEMU_refuses(string program, string line)
    {
        Require(program);
        using (WritableDiskImage ours = OpenImage.ForWriting(Image))
        {
            using Process theirs = Start([program], line);
            string error = theirs.StandardError.ReadToEnd();
            theirs.WaitForExit();
            Assert.NotEqual(0, theirs.ExitCode);
            Assert.Contains("lock", error, StringComparison.Ordinal);
        }

        Assert.Equal(_disk, ReadContent.ToArray(new ReadContentOptions { Path = Image }));
    }

    [Theory]
    [InlineData("qcow2")]
    [InlineData("vmdk -o subformat=monolithicFlat")]
    public void Of_two_conversions_to_one_name_one_is_there_and_nothing_of_the_other(string format)
    {
        byte[] other = Patterns.Random(Size, 2);
        File.WriteAllBytes(_folder["other.raw"], other);
        for (int round = 0; round < 2 * Torture.Factor; round++)
        {
            foreach (string file in Directory.GetFiles(_folder.Path, "target*"))
                File.Delete(file);
            Qemu.Result[] results = RunTogether($"convert -O {format} {{d}}/image.qed {{d}}/target.img", $"convert -f raw -O {format} {{d}}/other.raw {{d}}/target.img");
            Assert.True(Array.Exists(results, result => result.ExitCode == 0), string.Concat(results.Select(result => result.Error)));
            Assert.All(results, result => Assert.True(result.ExitCode == 0 || result.Error.Contains("target", StringComparison.Ordinal), result.Error));
            byte[] seen = ReadContent.ToArray(new ReadContentOptions { Path = _folder["target.img"] });
            Assert.True(seen.AsSpan().SequenceEqual(_disk) || seen.AsSpan().SequenceEqual(other), $"round {round}: neither of the two is read");
            string[] left = [.. Directory.GetFiles(_folder.Path, "target*").Select(path => Path.GetFileName(path))];
            Assert.True(left.Length == (format == "qcow2" ? 1 : 2), $"round {round}: {string.Join(' ', left)}");
        }
    }

    [Theory]
    [InlineData("resize {d}/image.qed 2M", "check -r all {d}/image.qed")]
    [InlineData("resize {d}/image.qed 2M", "rebase -b {d}/base.raw -F raw {d}/image.qed")]
    [InlineData("resize {d}/image.qed 2M", "optimize -m full {d}/image.qed")]
    public void Of_two_changes_each_is_done_or_refused_and_the_image_is_sound(string first, string second)
    {
        File.WriteAllBytes(_folder["base.raw"], new byte[Size]);
        byte[] before = File.ReadAllBytes(Image);
        for (int round = 0; round < Torture.Factor; round++)
        {
            File.WriteAllBytes(Image, before);
            Qemu.Result[] results = RunTogether(first, second);
            Assert.True(Array.Exists(results, result => result.ExitCode == 0), string.Concat(results.Select(result => result.Error)));
            Assert.All(results, result => Assert.True(result.ExitCode == 0 || result.Error.Contains("in use", StringComparison.Ordinal), result.Error));
            Assert.True(CheckImage.Run(new CheckImageOptions { Path = Image }) is { IsClean: true, NeedsCheck: false }, $"round {round}");
            byte[] seen = ReadContent.ToArray(new ReadContentOptions { Path = Image });
            Assert.Equal(results[0].ExitCode == 0 ? 2 * Size : Size, seen.Length);
            Assert.True(seen.AsSpan(0, Size).SequenceEqual(_disk) && !seen.AsSpan(Size).ContainsAnyExcept((byte)0), $"round {round}: something else is read");
        }
    }

    private static void Require(string program)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "What QEMU locks is seen on Linux");
        Assert.SkipWhen(Qemu.TryRun(program, ["--version"]) is null, $"{program} is not installed (Debian packages qemu-utils and qemu-system-x86)");
    }

    private bool IsInUse() => DescribeImage.Run(new DescribeImageOptions { Path = Image }).InUse == true;

    private Qemu.Result[] RunTogether(params string[] lines)
    {
        Process[] all = Array.ConvertAll(lines, line => Start(Invocation.Program, line));
        return Array.ConvertAll(all, process =>
        {
            using (process)
            {
                string error = process.StandardError.ReadToEnd();
                process.WaitForExit();
                return new Qemu.Result(process.ExitCode, string.Empty, error);
            }
        });
    }

    private Process Start(string[] program, string line)
    {
        string[] words = [.. program, .. line.Split(' ').Select(word => word.Replace("{d}", _folder.Path, StringComparison.Ordinal))];
        var process = Process.Start(new ProcessStartInfo(words[0], words[1..]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        process.BeginOutputReadLine();
        return process;
    }
}
