using System;
using System.IO;
using System.Linq;
using Qed.Bits;
using Qed.Images;
using Qed.Operations;
using Qed.Storage;
using Qed.Tests.Support;
using Qed.Transfer;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Transfer;

/// <summary>What a format holds as data may be a hole of its file; converting and comparing pass it over.</summary>
public sealed class HostHolesTests : IDisposable
{
    private const int Cluster = 65536;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_disk_whose_clusters_were_only_allocated_ahead_is_not_read()
    {
        Qemu.Require();
        string image = _folder["image.qcow2"];
        Qemu.ImgOk("create", "-f", "qcow2", "-o", "preallocation=metadata", image, "64G");
        Qemu.IoOk(image, "qcow2", ["write -P 7 3G 100k"]);
        using DiskImage source = OpenImage.ForReading(image);
        Assert.Equal(ExtentKind.Data, source.GetExtent(new GuestOffset(1 << 30), Cluster).Kind);
        // The sector behind what was written lies in the same block of the host's file.
        Assert.InRange(CopyPlan.Chunks(source, null, source.Length, 4096).Sum(range => (long)range.Length), 100 << 10, 200 << 10);
    }

    [Theory]
    [InlineData("qed")]
    [InlineData("qcow2")]
    [InlineData("vdi")]
    [InlineData("vhd")]
    public void Converting_an_image_with_holes_in_its_clusters_changes_nothing(string format)
    {
        string raw = _folder["disk.raw"];
        byte[] disk = new byte[8 << 20];
        for (int i = 0; i < 16; i++)
            Patterns.Random(5000, i).CopyTo(disk, (i * 500_000) + 4096);
        File.WriteAllBytes(raw, disk);
        string image = Convert(raw, "image", format);
        using (HostFile file = HostFile.Open(image, StorageAccess.Write))
        {
            // Blocks of zeroes become holes of the host's file.
            for (long offset = 0; offset < file.Length; offset += 4096)
            {
                byte[] block = new byte[4096];
                file.ReadOrZero(offset, block);
                if (ZeroScan.IsZero(block) && offset + 4096 < file.Length)
                    file.TryPunch(offset, 4096);
            }
        }

        string back = Convert(image, "back", "raw");
        Assert.Equal(disk, File.ReadAllBytes(back));
        Assert.True(CompareImages.Run(new CompareImagesOptions { Path = raw, SourceFormat = "raw", DifferencePath = image, DifferenceFormat = format }).IsEqual);
    }

    [Fact]
    public void Clusters_behind_the_end_of_a_cut_off_file_are_an_error_and_no_hole()
    {
        string image = TestImage.Create(_folder["image.qed"], 4 << 20);
        // The first write brings the L2 table: what the second adds lies behind it.
        TestImage.Write(image, 0, Patterns.Random(Cluster, 1));
        TestImage.Write(image, Cluster, Patterns.Random((4 << 20) - Cluster, 2));
        using (FileStream file = File.OpenWrite(image))
            file.SetLength(file.Length - (2 << 20));
        Fails.With(ErrorKind.ImageCorrupt, "L2 entry", () => Convert(image, "target", "raw"));
    }

    [Fact]
    public void A_hole_that_the_file_ends_in_is_none_for_what_reaches_beyond()
    {
        SparseFile.RequireHoles();
        string path = _folder["file"];
        SparseFile.Create(path, 2 * Cluster).Dispose();
        using HostFile file = HostFile.Open(path, StorageAccess.Read);
        using var disk = new Scattered(file);
        ChainExtent Run(long host) => new(new Extent(new GuestOffset(0), Cluster, ExtentKind.Data, new HostOffset(host)), disk, 0);
        Assert.Equal((true, (long)Cluster), new HostHoles().At(Run(Cluster), 0));
        Assert.Equal((false, (long)Cluster), new HostHoles().At(Run(Cluster + 4096), 0));
    }

    [Fact]
    public void The_host_is_asked_once_about_a_long_run_however_the_clusters_lie_in_it()
    {
        var storage = new Asked(1 << 30);
        using var disk = new Scattered(storage);
        var holes = new HostHoles();
        int[] order = [.. Enumerable.Range(0, 4096)];
        new Random(3).Shuffle(order);
        foreach (int cluster in order)
        {
            var run = new Extent(new GuestOffset(cluster * (long)Cluster), Cluster, ExtentKind.Data, new HostOffset(cluster * (long)Cluster));
            Assert.Equal((false, (long)Cluster), holes.At(new ChainExtent(run, disk, 0), run.Offset.Value));
        }

        Assert.InRange(storage.Questions, 1, 40);
    }

    private string Convert(string source, string name, string format)
    {
        ConvertImage.Run(new ConvertImageOptions { Path = source, DestinationPath = _folder[name], Format = format });
        return _folder[name];
    }

    /// <summary>A file that is all data and counts how often it is asked.</summary>
    private sealed class Asked(long length) : BlockStorage, IHoleMap
    {
        internal int Questions { get; private set; }

        public override string Path => "asked";

        public override bool CanWrite => false;

        public override long Length => length;

        public StorageExtent NextExtent(long offset)
        {
            Questions++;
            return this.AllData(offset);
        }

        public bool IsHole(long offset, long length) => false;

        public override int Read(long offset, Span<byte> buffer) => throw new NotSupportedException();

        public override void Write(long offset, ReadOnlySpan<byte> buffer) => throw new NotSupportedException();

        public override void Flush() => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
        }
    }

    private sealed class Scattered(BlockStorage storage) : DiskImage
    {
        public override string Path => "scattered";

        public override string Format => "test";

        public override long Length => storage.Length;

        internal override BlockStorage ExtentStorage => storage;

        private protected override Extent FindExtent(GuestOffset offset, long maximum) => throw new NotSupportedException();

        private protected override int ReadRun(GuestOffset offset, Span<byte> buffer) => throw new NotSupportedException();
    }
}
