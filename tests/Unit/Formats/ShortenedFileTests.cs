using System;
using System.Buffers.Binary;
using System.IO;
using System.Linq;
using Qed.Images;
using Qed.Operations;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Formats;

/// <summary>
/// A file that gets shorter while it is open is reported, wherever it is cut and whatever was there, data or tables. Nothing
/// that was there is ever read as zeroes.
/// </summary>
public sealed class ShortenedFileTests : IDisposable
{
    private const int MiB = 1 << 20;
    private const int Cuts = 10;

    private readonly TempFolder _folder = new();

    public ShortenedFileTests() => Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows lets nobody cut a file that is open for reading");

    public static TheoryData<string, Subformat, bool> Kinds { get; } = new()
    {
        { "raw", Subformat.Dynamic, false },
        { "qed", Subformat.Dynamic, false },
        { "qcow2", Subformat.Dynamic, false },
        { "qcow2", Subformat.Dynamic, true },
        { "vhd", Subformat.Dynamic, false },
        { "vhd", Subformat.Fixed, false },
        { "vhdx", Subformat.Dynamic, false },
        { "vhdx", Subformat.Fixed, false },
        { "vmdk", Subformat.Dynamic, false },
        { "vmdk", Subformat.Fixed, false },
        { "vmdk", Subformat.StreamOptimized, false },
        { "vdi", Subformat.Dynamic, false },
        { "vdi", Subformat.Fixed, false },
    };

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Is_reported_by_whoever_reads_all_of_the_disk(string format, Subformat subformat, bool compress)
        => AssertReportedWhereverCut(format, subformat, compress, image =>
        {
            byte[] all = new byte[image.Length];
            image.Read(new GuestOffset(0), all);
            return all;
        });

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Is_reported_by_whoever_reads_what_the_map_calls_data(string format, Subformat subformat, bool compress)
        => AssertReportedWhereverCut(format, subformat, compress, image =>
        {
            byte[] all = new byte[image.Length];
            foreach (ChainExtent extent in image.GetChainExtents(new GuestOffset(0), image.Length))
            {
                if (extent.Run.Kind == ExtentKind.Data)
                    image.Read(extent.Run.Offset, all.AsSpan((int)extent.Run.Offset.Value, (int)extent.Run.Length));
            }

            return all;
        });

    [Fact]
    public void Is_reported_where_it_was_a_hole_too()
    {
        string path = _folder["disk.raw"];
        using (FileStream file = SparseFile.Create(path, 64 * MiB))
            file.Write(Patterns.Random(MiB, 1));

        using DiskImage image = OpenImage.ForReading(path, "raw");
        Cut(path, 32 * MiB);
        Fails.With(ErrorKind.ImageCorrupt, "has become shorter", () => Assert.NotEmpty(image.GetExtents(new GuestOffset(0), image.Length).ToArray()));
    }

    [Fact]
    public void What_lies_behind_the_end_of_a_qcow2_file_is_zeroes_and_one_warning()
    {
        byte[] disk = Patterns.Random(4 * MiB, 2);
        (string path, _) = Convert(disk, "qcow2", Subformat.Dynamic, compress: false);
        MoveLastClusterToTheEnd(path);
        Cut(path, new FileInfo(path).Length - 65535);
        disk.AsSpan(disk.Length - 65535).Clear();
        var warnings = new LoggedWarnings();
        using DiskImage image = OpenImage.ForReading(path, logger: warnings.Logger);
        byte[] all = new byte[image.Length];
        for (int i = 0; i < 2; i++)
            image.Read(new GuestOffset(0), all);
        Assert.Equal(disk, all);
        Assert.Contains("whose last 65535 bytes are read as zeroes", Assert.Single(warnings.Messages), StringComparison.Ordinal);
    }

    [Fact]
    public void A_qcow2_file_that_ends_within_a_cluster_of_tables_is_read_without_a_warning()
    {
        Qemu.Require();
        Qemu.ImgOk("create", "-f", "qcow2", _folder["new.qcow2"], "1G");
        Assert.NotEqual(0, new FileInfo(_folder["new.qcow2"]).Length % 65536);
        var warnings = new LoggedWarnings();
        ConvertImage.Run(new ConvertImageOptions { Path = _folder["new.qcow2"], DestinationPath = _folder["copy.qed"] }, logger: warnings.Logger);
        Assert.Empty(warnings.Messages);
    }

    private void AssertReportedWhereverCut(string format, Subformat subformat, bool compress, Func<DiskImage, byte[]> read)
    {
        // Blocks at a distance, so that there are tables, holes and data in turn; compressible in part.
        byte[] disk = new byte[6 * MiB];
        for (int i = 0; i < disk.Length; i += 3 * MiB)
            Patterns.Random(MiB / 2, i).CopyTo(disk, i);
        (string path, string dataPath) = Convert(disk, format, subformat, compress);
        byte[] whole = File.ReadAllBytes(dataPath);
        int reported = 0;
        for (int i = 0; i < Cuts; i++)
        {
            using DiskImage image = OpenImage.ForReading(path, format);
            Cut(dataPath, whole.Length * (long)i / Cuts);
            try
            {
                // Where what was cut off is only a structure that is not needed for reading all is well.
                Assert.True(read(image).AsSpan().SequenceEqual(disk), $"other bytes are read after a cut to {i}/{Cuts}");
            }
            catch (DiskImageException error)
            {
                Assert.Equal(ErrorKind.ImageCorrupt, error.Kind);
                Assert.Contains("has become shorter while it was read", error.Message, StringComparison.Ordinal);
                reported++;
            }

            Restore(dataPath, whole);
        }

        Assert.InRange(reported, Cuts / 2, Cuts);
    }

    private (string Path, string DataPath) Convert(byte[] disk, string format, Subformat subformat, bool compress)
    {
        string raw = _folder["disk.raw"];
        string path = _folder["image." + format];
        File.WriteAllBytes(raw, disk);
        ConvertImage.Run(new ConvertImageOptions
        {
            Path = raw,
            SourceFormat = "raw",
            DestinationPath = path,
            Format = format,
            Subformat = subformat,
            Compress = compress,
        });
        string flat = _folder["image-flat.vmdk"];
        return (path, File.Exists(flat) ? flat : path);
    }

    /// <summary>Our writer puts tables last; QEMU's files end with data.</summary>
    private static void MoveLastClusterToTheEnd(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        long l1 = BigEndian(bytes, 40);
        long table = BigEndian(bytes, (int)l1) & 0x00fffffffffffe00;
        int entry = (int)table + (63 * 8);
        long cluster = BigEndian(bytes, entry) & 0x00fffffffffffe00;
        byte[] longer = [.. bytes, .. bytes.AsSpan((int)cluster, 65536)];
        BinaryPrimitives.WriteUInt64BigEndian(longer.AsSpan(entry), (1UL << 63) | (uint)bytes.Length);
        File.WriteAllBytes(path, longer);
    }

    private static long BigEndian(byte[] bytes, int offset) => BinaryPrimitives.ReadInt64BigEndian(bytes.AsSpan(offset));

    private static void Restore(string path, byte[] whole)
    {
        using FileStream file = new(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite);
        file.Write(whole.AsSpan((int)file.Length));
    }

    private static void Cut(string path, long length)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        file.SetLength(length);
    }
}
