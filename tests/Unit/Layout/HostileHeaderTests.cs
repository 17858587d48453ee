using System;
using System.IO;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Layout;

/// <summary>Each broken rule of a header has its own kind and message; nothing is written, and nothing large is allocated.</summary>
public sealed class HostileHeaderTests : IDisposable
{
    private const int ImageSize = 4 << 20;
    private const long MostAllocated = 4 << 20;

    private readonly TempFolder _folder = new();

    /// <summary>Offset of a header field, its bytes in the field, the value planted there, and what must come of it.</summary>
    public static TheoryData<string, int, int, ulong, ErrorKind, string> Lies()
    {
        var data = new TheoryData<string, int, int, ulong, ErrorKind, string>();
        void Add(string what, int offset, int size, ulong value, ErrorKind kind, string message) => data.Add(what, offset, size, value, kind, message);
        Add("wrong magic", 0, 4, 0x01444551, ErrorKind.ImageNotRecognized, "signature");
        Add("cluster size 0", 4, 4, 0, ErrorKind.InvalidGeometry, "between 4 KiB and 64 MiB");
        Add("cluster size too small", 4, 4, 2048, ErrorKind.InvalidGeometry, "between 4 KiB and 64 MiB");
        Add("cluster size not a power of two", 4, 4, 5000, ErrorKind.InvalidGeometry, "not a power of two");
        Add("cluster size too large", 4, 4, 1u << 27, ErrorKind.InvalidGeometry, "between 4 KiB and 64 MiB");
        Add("cluster size 2^32-1", 4, 4, uint.MaxValue, ErrorKind.InvalidGeometry, "between 4 KiB and 64 MiB");
        Add("cluster size 2^31", 4, 4, 1u << 31, ErrorKind.InvalidGeometry, "between 4 KiB and 64 MiB");
        Add("table size 0", 8, 4, 0, ErrorKind.InvalidGeometry, "1, 2, 4, 8 or 16");
        Add("table size 3", 8, 4, 3, ErrorKind.InvalidGeometry, "1, 2, 4, 8 or 16");
        Add("table size 32", 8, 4, 32, ErrorKind.InvalidGeometry, "1, 2, 4, 8 or 16");
        Add("table size 2^31", 8, 4, 1u << 31, ErrorKind.InvalidGeometry, "1, 2, 4, 8 or 16");
        Add("table larger than the file", 8, 4, 16, ErrorKind.ImageCorrupt, "L1 table lies beyond the end");
        Add("header size 0", 12, 4, 0, ErrorKind.ImageCorrupt, "header size is zero");
        Add("header size overflows", 12, 4, uint.MaxValue, ErrorKind.ImageCorrupt, "header is larger than the file");
        Add("header size one too many", 12, 4, 4, ErrorKind.ImageCorrupt, "header is larger than the file");
        Add("header reaches over the L1 table", 12, 4, 2, ErrorKind.ImageCorrupt, "L1 table lies inside the header");
        Add("unknown incompatible features", 16, 8, (1UL << 3) | (1UL << 63), ErrorKind.UnsupportedFeature, "bit 3, 63");
        Add("L1 offset unaligned", 40, 8, 4096 + 8, ErrorKind.ImageCorrupt, "not aligned");
        Add("L1 offset beyond the end", 40, 8, 1 << 20, ErrorKind.ImageCorrupt, "L1 table lies beyond the end");
        Add("L1 table cut off by the end", 40, 8, 3 * 4096, ErrorKind.ImageCorrupt, "L1 table lies beyond the end");
        Add("L1 offset inside the header", 40, 8, 0, ErrorKind.ImageCorrupt, "L1 table lies inside the header");
        Add("L1 offset just below 2^64", 40, 8, ulong.MaxValue - 4095, ErrorKind.ImageCorrupt, "L1 table lies beyond the end");
        Add("L1 offset 2^63", 40, 8, 1UL << 63, ErrorKind.ImageCorrupt, "L1 table lies beyond the end");
        Add("image size not a multiple of 512", 48, 8, ImageSize + 1, ErrorKind.InvalidSize, "multiple of 512");
        Add("image size beyond the tables", 48, 8, (512UL * 512 * 4096) + 512, ErrorKind.InvalidSize, "larger than its tables reach, 1073741824 bytes");
        Add("image size 2^63", 48, 8, 1UL << 63, ErrorKind.InvalidSize, "larger than its tables reach");
        Add("image size just below 2^64", 48, 8, ulong.MaxValue - 511, ErrorKind.InvalidSize, "larger than its tables reach");
        return data;
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Lies))]
    public void A_header_field_that_lies_is_refused_by_name_and_the_file_stays_as_it_was(string what, int offset, int size, ulong value, ErrorKind kind, string message)
    {
        TestContext.Current.TestOutputHelper?.WriteLine(what);
        byte[] bytes = Sound();
        string path = Save(size == 4 ? bytes.With(offset, (uint)value) : bytes.With(offset, value));
        DiskImageException error = AssertRefused(path, kind, message);
        Assert.Equal(path, error.Path);
        if (kind == ErrorKind.ImageNotRecognized)
            return;
        Assert.StartsWith("header field", error.Structure, StringComparison.Ordinal);
        // Where two fields contradict each other either may be named.
        if (error.Offset == offset)
            Assert.Equal(value, error.Value);
        else
            Assert.Equal(bytes.UInt64At(error.Offset!.Value), error.Value);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(63)]
    public void A_truncated_header_is_refused(int length)
        => AssertRefused(Save(Sound()[..length]), ErrorKind.ImageCorrupt, "header is truncated: a QED header has 64 bytes");

    [Fact]
    public void A_file_too_short_for_a_magic_number_is_not_recognised()
        => AssertRefused(Save(Sound()[..3]), ErrorKind.ImageNotRecognized, "signature of a QED image is missing");

    [Fact]
    public void An_empty_file_is_refused_as_empty()
        => AssertRefused(Save([]), ErrorKind.ImageNotRecognized, "the file is empty");

    [Fact]
    public void A_file_cut_off_behind_its_header_is_refused()
        => AssertRefused(Save(Sound()[..4096]), ErrorKind.ImageCorrupt, "L1 table lies beyond the end");

    [Fact]
    public void A_sparse_file_with_the_largest_legal_geometry_and_size_costs_no_memory()
    {
        string path = _folder["huge.qed"];
        using (FileStream file = SparseFile.Create(path, (1L << 26) * 17))
        {
            file.Write(Sound().With(4, 1u << 26).With(8, 16u).With(40, 1UL << 26).With(48, (1UL << 63) - (1UL << 30)).AsSpan(0, 64));
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        using (var image = OpenImage.ForReading(path))
        {
            byte[] sector = new byte[512];
            image.Read(new Qed.Units.GuestOffset(image.Length - 512), sector);
            Assert.Equal(new byte[512], sector);
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, MostAllocated);
        Assert.True(CheckImage.Run(new CheckImageOptions { Path = path }).IsClean);
    }

    private static DiskImageException AssertRefused(string path, ErrorKind kind, string message)
    {
        Fingerprint before = Fingerprint.Of(path);
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        DiskImageException error = Fails.With(kind, message, () => OpenImage.ForReading(path).Dispose());
        Fails.With(kind, message, () => OpenImage.ForWriting(path).Dispose());
        Fails.With(kind, message, () => Describe.Of(path));
        Fails.With(kind, message, () => CheckImage.Run(new CheckImageOptions { Path = path }));
        Fails.With(kind, message, () => ResizeImage.Run(new ResizeImageOptions { Path = path, Size = 512, AllowShrink = true }));
        Fails.With(kind, message, () => SetBackingFile.Run(new SetBackingFileOptions { Path = path, MetadataOnly = true }));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - allocated, 0, MostAllocated);
        before.AssertUntouched();
        return error;
    }

    /// <summary>Three clusters: header, L1 table and one L2 table, cluster 4 KiB, table size 1.</summary>
    private static byte[] Sound() => TestImage.Bytes(ImageSize, fill: image => image.MarkZero(new Qed.Units.GuestOffset(0), 4096));

    private string Save(byte[] bytes)
    {
        string path = _folder["image.qed"];
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
