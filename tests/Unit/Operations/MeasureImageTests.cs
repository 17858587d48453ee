using System;
using System.IO;
using System.Linq;
using System.Threading;
using Qed.Formats;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Operations;

/// <summary>What is measured is held against what a conversion then takes.</summary>
public sealed class MeasureImageTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, Subformat, long?> Targets()
    {
        var data = new TheoryData<string, Subformat, long?>();
        foreach (ImageFormat format in FormatRegistry.All)
        {
            foreach (Subformat subformat in format.Subformats)
                data.Add(format.Name, subformat, null);
        }

        data.Add("qed", Subformat.Dynamic, 4096);
        data.Add("qed", Subformat.Dynamic, 1 << 20);
        data.Add("qcow2", Subformat.Dynamic, 512);
        data.Add("qcow2", Subformat.Dynamic, 2 << 20);
        data.Add("vhd", Subformat.Dynamic, 512 << 10);
        data.Add("vhdx", Subformat.Dynamic, 1 << 20);
        data.Add("vmdk", Subformat.Dynamic, 8192);
        return data;
    }

    [Theory]
    [MemberData(nameof(Targets))]
    public void Data_without_zeroes_takes_exactly_what_was_measured_from_extents_alone(string format, Subformat subformat, long? clusterSize)
    {
        SparseFile.RequireHoles();
        string source = MakeSource(withZeroes: false);
        var options = new MeasureImageOptions { Path = source, Subformat = subformat, ClusterSize = clusterSize };
        MeasureResult measure = MeasureImage.Run(options with { Format = format });
        long actual = ConvertedLength(source, format, subformat, clusterSize, compress: false);
        if (subformat == Subformat.StreamOptimized)
            Assert.InRange(actual, measure.FileSize - (measure.FileSize / 64), measure.FileSize);
        else
            Assert.Equal(actual, measure.FileSize);
        Assert.False(measure.IsExact);
        Assert.InRange(measure.FullyAllocatedSize, measure.FileSize, long.MaxValue);
    }

    [Theory]
    [MemberData(nameof(Targets))]
    public void Data_with_zeroes_takes_no_more_than_was_measured_and_exactly_what_was_measured_exactly(string format, Subformat subformat, long? clusterSize)
    {
        string source = MakeSource(withZeroes: true);
        var options = new MeasureImageOptions { Path = source, Subformat = subformat, ClusterSize = clusterSize };
        long actual = ConvertedLength(source, format, subformat, clusterSize, compress: false);
        Assert.InRange(MeasureImage.Run(options with { Format = format }).FileSize, actual, long.MaxValue);
        MeasureResult exact = MeasureImage.Run(options with { Format = format, Exact = true });
        Assert.Equal((actual, true), (exact.FileSize, exact.IsExact));
    }

    [Theory]
    [InlineData("qcow2")]
    [InlineData("vmdk")]
    public void Compressed_targets_take_no_more_than_was_measured_and_exactly_what_was_measured_exactly(string format)
    {
        foreach (bool withZeroes in new[] { false, true })
        {
            string source = MakeSource(withZeroes);
            var options = new MeasureImageOptions { Path = source, Compress = true };
            long actual = ConvertedLength(source, format, Subformat.Dynamic, null, compress: true);
            Assert.InRange(MeasureImage.Run(options with { Format = format }).FileSize, actual, long.MaxValue);
            Assert.Equal(actual, MeasureImage.Run(options with { Format = format, Exact = true }).FileSize);
        }
    }

    [Theory]
    [MemberData(nameof(Targets))]
    public void A_disk_that_is_all_data_takes_its_fully_allocated_size(string format, Subformat subformat, long? clusterSize)
    {
        string source = _folder["full.raw"];
        File.WriteAllBytes(source, Patterns.Random((33 << 20) + 512, 1));
        MeasureResult measure = MeasureImage.Run(new MeasureImageOptions { Format = format, Path = source, Subformat = subformat, ClusterSize = clusterSize });
        Assert.Equal(measure.FullyAllocatedSize, measure.FileSize);
        if (subformat != Subformat.StreamOptimized)
            Assert.Equal(ConvertedLength(source, format, subformat, clusterSize, compress: false), measure.FileSize);
    }

    [Fact]
    public void A_large_disk_is_reckoned_from_a_part_of_it_as_it_is_counted_whole()
    {
        // With small clusters a disk is large soon.
        TestImage.Create(_folder["large.qed"], 40L << 30);
        MeasureResult measure = MeasureImage.Run(new MeasureImageOptions { Format = "qed", Path = _folder["large.qed"], ClusterSize = 4096, TableSize = 16 });
        const long Clusters = (40L << 30) / 4096;
        const long Tables = Clusters / (16 * 4096 / 8);
        Assert.Equal((1 + 16 + Clusters + (16 * Tables)) * 4096, measure.FullyAllocatedSize);
    }

    [Fact]
    public void The_largest_disk_is_measured_at_once_and_formats_that_cannot_hold_it_are_left_out()
    {
        TestImage.Create(_folder["large.qed"], 64L << 40);
        TestImage.Write(_folder["large.qed"], 50L << 40, [1]);
        MeasureResult[] all = MeasureImage.RunAll(new MeasureImageOptions { Path = _folder["large.qed"] }).ToArray();
        Assert.DoesNotContain(all, measure => measure.Format is "vhd" or "vmdk");
        Assert.Equal(new FileInfo(_folder["large.qed"]).Length, all.Single(measure => measure.Format == "qed").FileSize);
        Assert.All(all, measure => Assert.InRange(measure.FullyAllocatedSize, 64L << 40, 65L << 40));
        Assert.Equal(_folder["large.qed"], Fails.With(ErrorKind.InvalidSize, () => MeasureImage.Run(new MeasureImageOptions { Format = "vhd", Path = _folder["large.qed"] })).Path);
    }

    [Fact]
    public void Every_format_is_measured_and_nothing_is_written()
    {
        string source = MakeSource(withZeroes: true);
        Fingerprint before = Fingerprint.Of(source);
        MeasureResult[] all = MeasureImage.RunAll(new MeasureImageOptions { Path = source }).ToArray();
        Assert.Equal(FormatRegistry.All.Select(format => format.Name), all.Select(measure => measure.Format));
        before.AssertUntouched();
        Assert.Equal([source], Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void What_a_format_does_not_have_is_refused_by_name()
    {
        string source = MakeSource(withZeroes: true);
        Fails.With(ErrorKind.UnsupportedFeature, () => MeasureImage.Run(new MeasureImageOptions { Format = "raw", Path = source, Compress = true }));
        Fails.With(ErrorKind.InvalidGeometry, () => MeasureImage.Run(new MeasureImageOptions { Format = "qed", Path = source, ClusterSize = 5000 }));
        Fails.With(ErrorKind.UnsupportedFeature, () => MeasureImage.Run(new MeasureImageOptions { Format = "floppy", Path = source }));
    }

    [Fact]
    public void A_chain_is_measured_as_what_it_shows()
    {
        SparseFile.RequireHoles();
        string source = MakeSource(withZeroes: false);
        TestImage.Create(_folder["top.qed"], new FileInfo(source).Length, backing: source, backingFormat: "raw");
        TestImage.Write(_folder["top.qed"], 20 << 20, Patterns.Random(100_000, 1));
        MeasureResult measure = MeasureImage.Run(new MeasureImageOptions { Format = "qcow2", Path = _folder["top.qed"] });
        Assert.Equal(ConvertedLength(_folder["top.qed"], "qcow2", Subformat.Dynamic, null, compress: false), measure.FileSize);
    }

    [Fact]
    public void Cancelling_ends_it()
    {
        string source = MakeSource(withZeroes: false);
        using var cancellation = new CancellationTokenSource();
        cancellation.Cancel();
        Assert.Throws<OperationCanceledException>(() => MeasureImage.Run(new MeasureImageOptions { Format = "qed", Path = source }, cancellation: cancellation.Token));
    }

    /// <summary>A raw file with holes, and data that has no zeroes or much of them.</summary>
    private string MakeSource(bool withZeroes)
    {
        string path = _folder[withZeroes ? "zeroes.raw" : "dense.raw"];
        using FileStream file = SparseFile.Create(path, (40 << 20) + 1536);
        foreach (int offset in new[] { 0, 5 << 20, (9 << 20) + 65536, 39 << 20 })
        {
            byte[] data = Patterns.Random(1 << 20, offset);
            if (withZeroes)
            {
                data.AsSpan(100_000, 300_000).Clear();
                data.AsSpan(600_000, 300_000).Fill(3);
            }

            file.Position = offset;
            file.Write(data);
        }

        return path;
    }

    private long ConvertedLength(string source, string format, Subformat subformat, long? clusterSize, bool compress)
    {
        // The same name as the measure takes, beside the source's: some formats write it into the file.
        string folder = Directory.CreateDirectory(_folder[Guid.NewGuid().ToString("N")]).FullName;
        string target = Path.Combine(folder, Path.GetFileNameWithoutExtension(source) + FormatRegistry.ByName(format).Extensions[0]);
        ConvertImage.Run(new ConvertImageOptions { Path = source, DestinationPath = target, Format = format, Subformat = subformat, ClusterSize = clusterSize, Compress = compress });
        long length = new DirectoryInfo(folder).GetFiles().Sum(file => file.Length);
        Directory.Delete(folder, recursive: true);
        return length;
    }
}
