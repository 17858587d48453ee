using System;
using System.IO;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Operations;

/// <summary>Random chains are merged as a byte array says, and as <c>qemu-img commit</c> does it.</summary>
public sealed class MergeModelTests : IDisposable
{
    private readonly TempFolder _ours = new();
    private readonly TempFolder _theirs = new();

    public void Dispose()
    {
        _ours.Dispose();
        _theirs.Dispose();
    }

    public static TheoryData<int, bool, int> Chains()
    {
        var chains = new TheoryData<int, bool, int>();
        for (int seed = 700; seed < 724; seed++)
            chains.Add(2 + (seed % 3), seed % 2 == 0, seed);
        return chains;
    }

    [Theory]
    [MemberData(nameof(Chains))]
    public void A_merge_gives_the_destination_what_the_overlay_shows_and_writes_what_it_said_it_would(int links, bool hasRawBase, int seed)
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var chain = new RandomChain(_ours.Path, random, links, hasRawBase);
        int into = random.Next(links - 1);
        byte[] expected = chain.Merged(into);
        var options = new MergeImageOptions { Path = chain.Top, DestinationPath = chain.PathOf(into), Force = true };

        MergeResult plan = MergeImage.Plan(options);
        MergeResult result = MergeImage.Run(options);

        Assert.Equal((plan.WrittenBytes, plan.ZeroedBytes, plan.Size), (result.WrittenBytes, result.ZeroedBytes, result.Size));
        Assert.Equal(expected.Length, result.After.Size);
        AssertReads(expected, chain.PathOf(into), $"seed {seed}, the destination");
        AssertReads(chain.TopDisk, chain.Top, $"seed {seed}, the overlay");
        for (int below = 0; below < into; below++)
            AssertReads(chain.Disks[below], chain.PathOf(below), $"seed {seed}, link {below}");
        AssertSound(chain.Top);
        AssertSound(chain.PathOf(into));
        Assert.Equal(into == links - 2 ? MergedOverlay.Emptied : MergedOverlay.Kept, result.Overlay);
        if (result.Overlay == MergedOverlay.Emptied)
            Assert.Equal((0L, 0L), Allocated(chain.Top));

        MergeResult again = MergeImage.Run(options);
        Assert.Equal(0, again.WrittenBytes);
        AssertReads(chain.TopDisk, chain.Top, $"seed {seed}, the overlay after a second merge");
    }

    [Theory]
    [InlineData(2, false, 41)]
    [InlineData(2, true, 42)]
    [InlineData(3, false, 43)]
    [InlineData(3, true, 44)]
    [InlineData(4, false, 45)]
    [InlineData(4, true, 48)]
    public void It_gives_the_destination_the_very_bytes_that_qemu_img_commit_gives_it(int links, bool hasRawBase, int seed)
    {
        Qemu.Require();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var chain = new RandomChain(_ours.Path, random, links, hasRawBase);
        foreach (string name in chain.Names)
            File.Copy(_ours[name], _theirs[name]);
        int into = random.Next(links - 1);
        bool isNext = into == links - 2;

        MergeImage.Run(new MergeImageOptions { Path = chain.Top, DestinationPath = isNext ? null : chain.PathOf(into), Force = true });
        string top = chain.Names[^1];
        string[] where = isNext ? [] : ["-b", _theirs[chain.Names[into]]];
        Qemu.ImgOk(["commit", "-q", "-f", "qed", .. where, _theirs[top]]);

        string merged = chain.Names[into];
        string format = Path.GetExtension(merged)[1..];
        AssertReads(TestImage.ReadAll(_theirs[merged], format), _ours[merged], $"seed {seed}");
        Assert.Contains("identical", Qemu.ImgOk("compare", "-f", format, "-F", format, _theirs[merged], _ours[merged]), StringComparison.Ordinal);
        Assert.Contains("identical", Qemu.ImgOk("compare", "-f", "qed", "-F", "qed", _theirs[top], _ours[top]), StringComparison.Ordinal);
    }

    private static (long Allocated, long Zero) Allocated(string path)
    {
        CheckResult check = CheckImage.Run(new CheckImageOptions { Path = path });
        return (check.AllocatedClusters, check.ZeroClusters);
    }

    private static void AssertReads(byte[] expected, string path, string what)
    {
        byte[] disk = TestImage.ReadAll(path, Path.GetExtension(path)[1..]);
        Assert.Equal(expected.Length, disk.Length);
        int difference = expected.AsSpan().CommonPrefixLength(disk);
        Assert.True(difference == disk.Length, $"{what}: first difference at {difference}");
    }

    private static void AssertSound(string path)
    {
        if (Path.GetExtension(path) != ".qed")
            return;
        CheckResult check = CheckImage.Run(new CheckImageOptions { Path = path });
        Assert.True(check is { IsClean: true, NeedsCheck: false }, $"{path}: {string.Join("; ", check.Issues)}");
        if (Qemu.IsInstalled)
            Qemu.AssertSound(path, check.FreeClusters);
    }
}
