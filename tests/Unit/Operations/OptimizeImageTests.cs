using System;
using System.IO;
using System.Linq;
using Qed.Operations;
using Qed.Tests.Checking;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Operations;

/// <summary>Optimizing tells what was and what is, does what it promised, and refuses as every change does.</summary>
public sealed class OptimizeImageTests : IDisposable
{
    private readonly TempFolder _folder = new();

    private string ImagePath => _folder["image.qed"];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(OptimizeMode.Quick, false)]
    [InlineData(OptimizeMode.Full, true)]
    [InlineData(OptimizeMode.Defragment, false)]
    public void A_plan_changes_nothing_and_comes_true(OptimizeMode mode, bool hasBacking)
    {
        // The backing file is not there, nor is it needed.
        var scattered = new ScatteredImage(4096, 2, new Random(11), dataClusters: 50, gapClusters: 20, tables: 4, zeroClusters: 15, hasBacking);
        File.WriteAllBytes(ImagePath, scattered.Bytes);
        OptimizeResult plan = OptimizeImage.Plan(new OptimizeImageOptions { Path = ImagePath, Mode = mode });
        Assert.True(plan.IsPlan);
        Assert.Equal(scattered.Bytes, File.ReadAllBytes(ImagePath));
        OptimizeResult result = OptimizeImage.Run(new OptimizeImageOptions { Path = ImagePath, Mode = mode });
        Assert.Equal(
            (plan.FileSize, plan.MovedBytes, plan.FreedZeroClusters, plan.GainedBytes),
            (result.FileSize, result.MovedBytes, result.FreedZeroClusters, result.GainedBytes));
        Assert.Equal(result.FileSize, new FileInfo(ImagePath).Length);
        Assert.Equal(scattered.Gaps, result.Before.LeakedClusters);
        Assert.Equal((0, 0, false), (result.After.LeakedClusters, result.After.Corruptions, result.After.NeedsCheck));
        Assert.Equal(mode == OptimizeMode.Quick ? 0 : scattered.Zeroes, result.FreedZeroClusters);
        Assert.False(CheckImage.Run(new CheckImageOptions { Path = ImagePath }).NeedsCheck);
        scattered.AssertSameGuest(File.ReadAllBytes(ImagePath));
    }

    [Theory]
    [InlineData(OptimizeMode.Quick)]
    [InlineData(OptimizeMode.Defragment)]
    public void What_a_shrink_that_was_cut_short_has_left_is_given_back_as_promised(OptimizeMode mode)
    {
        var image = new SampleImage(4096, 2, hasBacking: false);
        // The disk shrinks to half of its second span, and is marked as not closed cleanly.
        byte[] shrunk = ((byte[])image.Bytes.Clone()).With(48, (ulong)(image.Span + image.Clusters(3))).With(16, 2);
        File.WriteAllBytes(ImagePath, shrunk);
        OptimizeResult plan = OptimizeImage.Plan(new OptimizeImageOptions { Path = ImagePath, Mode = mode });
        Assert.Equal(10, plan.Before.EntriesBeyondEnd);
        OptimizeResult result = OptimizeImage.Run(new OptimizeImageOptions { Path = ImagePath, Mode = mode });
        Assert.Equal((plan.FileSize, plan.MovedBytes), (result.FileSize, result.MovedBytes));
        // Header, L1 table, two tables, and six and three clusters of data.
        CheckResult check = CheckImage.Run(new CheckImageOptions { Path = ImagePath });
        Assert.True(check is { IsClean: true, NeedsCheck: false, EntriesBeyondEnd: 0 });
    }

    [Fact]
    public void A_disk_that_is_full_in_the_midst_of_it_is_named_and_another_run_ends_the_work()
    {
        using var disk = new SmallDisk();
        // In the guest's reverse order, so that much has to step aside to the end of the file.
        var scattered = new ScatteredImage(65536, 1, [.. "T" + new string('d', 20)], new Random(5));
        string path = disk["image.qed"];
        File.WriteAllBytes(path, scattered.Bytes);
        disk.Fill();
        var options = new OptimizeImageOptions { Path = path, Mode = OptimizeMode.Defragment };
        DiskImageException error = Fails.With(ErrorKind.NotEnoughSpace, () => OptimizeImage.Run(options));
        Assert.Equal(path, error.Path);
        CheckResult check = CheckImage.Run(new CheckImageOptions { Path = path });
        Assert.Equal(0, check.Corruptions);
        scattered.AssertSameGuest(File.ReadAllBytes(path));
        disk.FreeSpace();
        Assert.True(OptimizeImage.Run(options).MovedBytes > 0);
        check = CheckImage.Run(new CheckImageOptions { Path = path });
        Assert.True(check is { IsClean: true, NeedsCheck: false, FragmentedClusters: 0 });
        scattered.AssertSameGuest(File.ReadAllBytes(path));
    }

    [Fact]
    public void An_image_without_waste_is_left_as_it_is()
    {
        TestImage.Create(ImagePath, 1 << 20);
        TestImage.Write(ImagePath, 0, Patterns.Random(1 << 20, 1));
        byte[] before = File.ReadAllBytes(ImagePath);
        OptimizeResult result = OptimizeImage.Run(new OptimizeImageOptions { Path = ImagePath });
        Assert.Equal((0, 0), (result.GainedBytes, result.MovedBytes));
        Assert.Equal(before, File.ReadAllBytes(ImagePath));
    }

    [Fact]
    public void A_tail_shorter_than_a_cluster_is_cut_off()
    {
        TestImage.Create(ImagePath, 1 << 20);
        long length = new FileInfo(ImagePath).Length;
        using (FileStream file = File.OpenWrite(ImagePath))
            file.SetLength(length + 700);
        Assert.Equal(700, OptimizeImage.Plan(new OptimizeImageOptions { Path = ImagePath }).GainedBytes);
        Assert.Equal(700, OptimizeImage.Run(new OptimizeImageOptions { Path = ImagePath }).GainedBytes);
        Assert.Equal(length, new FileInfo(ImagePath).Length);
    }

    [Fact]
    public void Another_format_a_corrupt_image_and_one_in_use_are_refused_beforehand_and_then()
    {
        File.WriteAllBytes(_folder["disk.raw"], new byte[4096]);
        Refused(ErrorKind.UnsupportedFeature, _folder["disk.raw"]);

        var image = new SampleImage(4096, 2, hasBacking: false);
        File.WriteAllBytes(ImagePath, image.Bytes);
        using (OpenImage.ForWriting(ImagePath))
        {
            var options = new OptimizeImageOptions { Path = ImagePath };
            Fails.With(ErrorKind.ImageInUse, () => OptimizeImage.Plan(options));
            Fails.With(ErrorKind.ImageInUse, () => OptimizeImage.Run(options));
        }

        Assert.Equal(image.Bytes, File.ReadAllBytes(ImagePath));

        Fault.All(4096, 2).First(fault => fault.IsL1).Plant(image);
        File.WriteAllBytes(ImagePath, image.Bytes);
        Refused(ErrorKind.ImageCorrupt, ImagePath);

        static void Refused(ErrorKind kind, string path)
        {
            var options = new OptimizeImageOptions { Path = path };
            byte[] before = File.ReadAllBytes(path);
            Fails.With(kind, () => OptimizeImage.Plan(options));
            Fails.With(kind, () => OptimizeImage.Run(options));
            Assert.Equal(before, File.ReadAllBytes(path));
        }
    }
}
