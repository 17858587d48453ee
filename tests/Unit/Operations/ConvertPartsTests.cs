using System;
using System.IO;
using System.Linq;
using System.Threading;
using Qed.Images;
using Qed.Operations;
using Qed.Storage;
using Qed.Targets;
using Qed.Tests.Support;
using Qed.Transfer;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Operations;

/// <summary>Less or more than one disk, all space taken, and no faster than asked for.</summary>
public sealed class ConvertPartsTests : IDisposable
{
    private const int MiB = 1 << 20;

    private readonly TempFolder _folder = new();
    private readonly byte[] _disk = new byte[4 * MiB];

    public ConvertPartsTests()
    {
        Patterns.Random(MiB, 1).CopyTo(_disk, 0);
        Patterns.Random(100_000, 2).CopyTo(_disk, 2 * MiB);
        File.WriteAllBytes(_folder["a.raw"], _disk);
        ConvertImage.Run(new ConvertImageOptions { Path = _folder["a.raw"], DestinationPath = _folder["a.qed"] });
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0, 4 * MiB)]
    [InlineData(512, 1024)]
    [InlineData(MiB - 700, MiB + 1234)]
    [InlineData(4 * MiB, 0)]
    public void A_part_of_a_disk_becomes_a_disk(int offset, int length)
    {
        Convert(options => options with { Path = _folder["a.qed"], Offset = offset, Length = length, Verify = true });
        Assert.True(_disk.AsSpan(offset, length).SequenceEqual(File.ReadAllBytes(_folder["out.raw"])));
    }

    [Theory]
    [InlineData(4 * MiB, 1)]
    [InlineData((4 * MiB) + 1, 0)]
    [InlineData(-1, 1)]
    public void A_part_beyond_the_disk_is_refused(int offset, int length)
        => Fails.With(ErrorKind.InvalidSize, () => Convert(options => options with { Offset = offset, Length = length }));

    [Fact]
    public void Several_disks_are_joined_each_in_whole_sectors()
    {
        byte[] odd = Patterns.Random(1000, 5);
        File.WriteAllBytes(_folder["odd.raw"], odd);
        File.WriteAllBytes(_folder["empty.raw"], []);
        Convert(options => options with
        {
            Path = _folder["odd.raw"],
            SourceFormat = null,
            FurtherPaths = [_folder["empty.raw"], _folder["a.qed"], _folder["odd.raw"]],
            Verify = true,
        });
        byte[] padded = [.. odd, .. new byte[24]];
        Assert.Equal([.. padded, .. _disk, .. padded], File.ReadAllBytes(_folder["out.raw"]));
    }

    [Fact]
    public void Holes_of_joined_disks_are_not_read_and_stay_holes()
    {
        const long Gibibyte = 1L << 30;
        using var one = new SparseDisk(Gibibyte, (Gibibyte / 2, 4096, 1));
        using var joined = new JoinedDisk([one, new SparseDisk(Gibibyte, (0, 4096, 2))]);
        Assert.Equal(
            [(Gibibyte / 2, 4096), (Gibibyte, 4096)],
            CopyPlan.Chunks(joined, null, joined.Length, 4096).Select(chunk => (chunk.Offset.Value, chunk.Length)));
    }

    [Fact]
    public void A_source_is_not_deleted_for_the_sake_of_a_part_or_beside_others()
    {
        Fails.With(ErrorKind.UnsupportedFeature, "deleted", () => Convert(options => options with { Length = MiB, DeleteSource = true }));
        Fails.With(ErrorKind.UnsupportedFeature, "deleted", () => Convert(options => options with { FurtherPaths = [_folder["a.qed"]], DeleteSource = true }));
        Assert.True(File.Exists(_folder["a.raw"]));
    }

    [Theory]
    [InlineData("raw")]
    [InlineData("qed")]
    [InlineData("qcow2")]
    [InlineData("vhdx")]
    public void Space_is_taken_for_all_of_a_disk_where_that_is_asked_for(string format)
    {
        string target = _folder["full." + format];
        Convert(options => options with { Path = _folder["a.qed"], DestinationPath = target, Format = format, AllocateAll = true, Verify = true });
        Assert.InRange(Describe.Of(target, format).AllocatedSize!.Value, _disk.Length, 64 * MiB);
        using DiskImage image = OpenImage.ForReading(target, format);
        Assert.DoesNotContain(image.GetExtents(new GuestOffset(0), image.Length), extent => extent.Kind != ExtentKind.Data);
    }

    [Fact]
    public void A_limited_copy_waits_and_can_be_cancelled_while_it_does()
    {
        using var cancel = new CancellationTokenSource();
        using var source = new SparseDisk(200 * MiB, (0, 200 * MiB, 1));
        int reads = 0;
        source.BeforeRead = () => Interlocked.Increment(ref reads);
        using Destination file = Destination.Begin(_folder["limited.raw"], overwrite: false);
        using ImageWriter writer = Qed.Formats.FormatRegistry.ByName("raw").CreateWriter(file, new Qed.Formats.TargetOptions { Size = source.Length });
        // The first piece is free; the next would have to wait for twelve days.
        var options = new CopyOptions { Limit = new RateLimit(1, cancel.Token) };
        cancel.CancelAfter(TimeSpan.FromMilliseconds(200));
        Assert.ThrowsAny<OperationCanceledException>(() => new ImageCopier(source, null, writer, source.Length, options).Run(ProgressMeter.Silent, cancel.Token));
        Assert.InRange(reads, 0, 1);
    }

    private void Convert(Func<ConvertImageOptions, ConvertImageOptions> with)
        => ConvertImage.Run(with(new ConvertImageOptions { Path = _folder["a.raw"], SourceFormat = null, DestinationPath = _folder["out.raw"], Format = "raw" }));
}
