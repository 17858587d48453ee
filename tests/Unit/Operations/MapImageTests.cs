using System;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Threading;
using Qed.Images;
using Qed.Operations;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Operations;

public sealed class MapImageTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("raw", 4, 6, 8)]
    [InlineData("qed", 4, 6, 8)]
    [InlineData("qed", 9, 3, 8)]
    [InlineData("raw", 8, 8, 8)]
    public void A_chain_three_deep_is_mapped_as_qemu_img_maps_it(string format, int baseMiB, int middleMiB, int topMiB)
    {
        Qemu.Require();
        Qemu.ImgOk("create", "-q", "-f", format, _folder["base"], $"{baseMiB}M");
        Qemu.IoOk(_folder["base"], format, ["write -P 1 0 1M", "write -P 2 2M 64k", "write -P 2 3M 320k"]);
        Qemu.ImgOk("create", "-q", "-f", "qed", "-o", "cluster_size=4096,table_size=2", "-b", "base", "-F", format, _folder["middle.qed"], $"{middleMiB}M");
        Qemu.IoOk(_folder["middle.qed"], "qed", ["write -P 3 512k 64k", "write -P 4 508k 4k", "write -z 2M 68k", "write -P 5 2900k 8k"]);
        Qemu.ImgOk("create", "-q", "-f", "qed", "-b", "middle.qed", "-F", "qed", _folder["top.qed"], $"{topMiB}M");
        Qemu.IoOk(_folder["top.qed"], "qed", ["write -P 6 640k 64k", "write -P 7 7M 128k", "write -P 7 7296k 64k", "write -z 7424k 64k"]);
        foreach (string image in new[] { "top.qed", "middle.qed" })
            Assert.Equal(TheirMap(_folder[image]), Map(image).Select(Describe));
    }

    [Fact]
    public void Alone_the_top_says_nothing_about_the_rest_and_opens_nothing()
    {
        File.WriteAllBytes(_folder["base.raw"], new byte[1 << 20]);
        TestImage.Create(_folder["top.qed"], 1 << 20, 4096, 2, "base.raw", "raw");
        TestImage.Write(_folder["top.qed"], 8192, Patterns.Filled(8192, 1));
        File.Delete(_folder["base.raw"]);
        MappedExtent[] runs = Map("top.qed", topOnly: true);
        Assert.Equal([ExtentKind.Unallocated, ExtentKind.Data, ExtentKind.Unallocated], runs.Select(run => run.Kind));
        Assert.Equal([0L, 8192, 16384], runs.Select(run => run.Offset));
        Assert.Equal([null, _folder["top.qed"], null], runs.Select(run => run.HostPath));
        Fails.With(ErrorKind.BackingFileMissing, () => Map("top.qed"));
    }

    [Fact]
    public void Runs_are_as_long_as_they_can_be()
    {
        TestImage.Create(_folder["empty.qed"], 64L << 40);
        MappedExtent run = Assert.Single(Map("empty.qed"));
        Assert.Equal((64L << 40, ExtentKind.Unallocated, null), (run.Length, run.Kind, run.HostPath));
        File.WriteAllBytes(_folder["full.raw"], Patterns.Random(9 << 20, 1));
        ConvertImage.Run(new ConvertImageOptions { Path = _folder["full.raw"], DestinationPath = _folder["full.qed"], ClusterSize = 4096, TableSize = 1 });
        Assert.Equal((9L << 20, ExtentKind.Data), Map("full.qed").Select(data => (data.Length, data.Kind)).Single());
    }

    [Fact]
    public void An_empty_disk_has_no_runs()
    {
        File.WriteAllBytes(_folder["none.raw"], []);
        Assert.Empty(Map("none.raw", format: "raw"));
    }

    [Fact]
    public void An_empty_overlay_is_not_asked_again_for_each_run_of_its_backing_file()
    {
        // Sixteen L1 entries map one table, every second entry of which maps one cluster.
        using (var image = new CraftedImage(_folder["base.qed"], 65536, 4, 64L << 40))
        {
            int table = image.FirstFree;
            image.SetClusters(table + 5);
            for (int i = 0; i < 32768; i += 2)
                image.L2(table, i, image.At(table + 4));
            for (int i = 0; i < 16; i++)
                image.L1(i, image.At(table));
        }

        TestImage.Create(_folder["top.qed"], 64L << 40, backing: "base.qed");
        Assert.Equal(16 * 32768, Map("top.qed").Length);
        using var top = new EmptyOverlay(OpenImage.ForReading(_folder["base.qed"]));
        Assert.InRange(top.GetChainExtents(new GuestOffset(0), top.Length).Count(), 16 * 32768, int.MaxValue);
        Assert.Equal(1, top.Questions);
    }

    [Fact]
    public void The_first_runs_come_before_the_last_are_known_and_stopping_closes_the_files()
    {
        TestImage.Create(_folder["a.qed"], 64L << 40);
        TestImage.Write(_folder["a.qed"], 1 << 20, [1]);
        Assert.Equal(2, MapImage.Run(new MapImageOptions { Path = _folder["a.qed"] }).Take(2).Count());
        TestImage.Write(_folder["a.qed"], 2 << 20, [1]);
    }

    [Fact]
    public void Cancelling_ends_it()
    {
        TestImage.Create(_folder["a.qed"], 64L << 40);
        using var cancellation = new CancellationTokenSource();
        cancellation.Cancel();
        Assert.Throws<OperationCanceledException>(() => MapImage.Run(new MapImageOptions { Path = _folder["a.qed"] }, cancellation: cancellation.Token).Count());
    }

    private MappedExtent[] Map(string name, bool topOnly = false, string? format = null)
        => MapImage.Run(new MapImageOptions { Path = _folder[name], TopOnly = topOnly, SourceFormat = format }).ToArray();

    private static string Describe(MappedExtent run)
        => FormattableString.Invariant($"{run.Offset}+{run.Length} depth {run.Depth} present {run.Kind != ExtentKind.Unallocated} data {run.Kind == ExtentKind.Data} at {run.HostOffset}");

    private static string[] TheirMap(string path)
    {
        using JsonDocument json = JsonDocument.Parse(Qemu.ImgOk("map", "--output=json", path));
        return json.RootElement.EnumerateArray().Select(run =>
        {
            long? offset = run.TryGetProperty("offset", out JsonElement value) ? value.GetInt64() : null;
            return FormattableString.Invariant($"{run.GetProperty("start").GetInt64()}+{run.GetProperty("length").GetInt64()} depth {run.GetProperty("depth").GetInt32()} present {run.GetProperty("present").GetBoolean()} data {run.GetProperty("data").GetBoolean()} at {offset}");
        }).ToArray();
    }

    /// <summary>An image without a byte of its own, which counts how often it is asked.</summary>
    private sealed class EmptyOverlay : DiskImage
    {
        internal EmptyOverlay(DiskImage backing)
        {
            Length = backing.Length;
            AttachBacking(backing);
        }

        public override string Path => "/memory/top";

        public override string Format => "qed";

        public override long Length { get; }

        internal int Questions { get; private set; }

        private protected override Extent FindExtent(GuestOffset offset, long maximum)
        {
            Questions++;
            return new Extent(offset, maximum, ExtentKind.Unallocated, null);
        }

        private protected override int ReadRun(GuestOffset offset, Span<byte> buffer) => throw new InvalidOperationException("There is nothing to read.");
    }
}
