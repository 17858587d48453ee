using System;
using System.IO;
using System.Linq;
using Qed.Formats;
using Qed.Formats.Vhdx;
using Qed.Images;
using Qed.Operations;
using Qed.Targets;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Formats.Vhdx;

/// <summary>The largest disk in the smallest blocks has a table of 512 MiB, which is never held whole.</summary>
public sealed class VhdxLargeTests : IDisposable
{
    private const int MiB = 1 << 20;
    private const long GiB = 1L << 30;
    private const long Largest = VhdxGeometry.MaximumSize;
    private const long TableBytes = (Largest / MiB) * 8;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_fixed_image_of_64_TiB_takes_little_memory()
    {
        (long allocated, long fileSize) = Fill(Subformat.Fixed, null, writer => writer.Reserve(new GuestOffset(Largest - MiB), MiB));
        Assert.InRange(fileSize, Largest + TableBytes, Largest + TableBytes + (16 * MiB));
        Assert.InRange(allocated, 0, 16 * MiB);
    }

    [Fact]
    public void A_dynamic_image_of_64_TiB_with_data_everywhere_takes_little_memory()
    {
        const long Step = 64L * MiB;
        (long allocated, long fileSize) = Fill(Subformat.Dynamic, null, writer =>
        {
            for (long offset = 0; offset < Largest; offset += Step)
                writer.Reserve(new GuestOffset(offset), 2 * MiB);
        });
        Assert.InRange(fileSize, (Largest / Step * 2 * MiB) + TableBytes, (Largest / Step * 2 * MiB) + TableBytes + (16 * MiB));
        Assert.InRange(allocated, 0, 64 * MiB);
    }

    [Fact]
    public void A_differencing_image_of_64_TiB_that_differs_everywhere_takes_bounded_memory()
    {
        string parent = _folder["parent.vhdx"];
        using (Destination file = Destination.Begin(parent, overwrite: false))
        {
            using (ImageWriter writer = FormatRegistry.ByName("vhdx").CreateWriter(file, new TargetOptions { Size = Largest }))
                writer.Complete();
            file.Finish(ProgressMeter.Silent, default);
            file.Commit();
        }

        const long Step = 2 * GiB;
        using DiskImage backing = OpenImage.ForReading(parent);
        (long allocated, _) = Fill(Subformat.Dynamic, backing, writer =>
        {
            for (long offset = 0; offset < Largest; offset += Step)
            {
                // A block of which the parent has a part, one that is all zeroes, and one with data.
                writer.Reserve(new GuestOffset(offset), 65536);
                writer.WriteZeroes(new GuestOffset(offset + MiB), MiB);
                writer.Reserve(new GuestOffset(offset + (2 * MiB)), MiB);
            }
        });
        Assert.InRange(allocated, 0, 160 * MiB);
    }

    [Theory]
    [InlineData(Subformat.Dynamic)]
    [InlineData(Subformat.Fixed)]
    public void A_disk_over_many_chunks_reads_the_same_everywhere(Subformat subformat)
    {
        Qemu.Require();
        const long Chunk = 4 * GiB;
        long[] places = [0, Chunk - 512, Chunk + MiB, (2 * Chunk) - MiB - 512, (4 * Chunk) - (3 * MiB), (5 * Chunk) - MiB, (5 * Chunk) + (3 * MiB)];
        using (FileStream raw = SparseFile.Create(_folder["disk.raw"], (5 * Chunk) + (3 * MiB) + 512))
        {
            for (int i = 0; i < places.Length; i++)
                RandomAccess.Write(raw.SafeFileHandle, Patterns.Filled(512, (byte)(i + 1)), places[i]);
        }

        ConvertImage.Run(new ConvertImageOptions
        {
            Path = _folder["disk.raw"],
            DestinationPath = _folder["disk.vhdx"],
            ClusterSize = MiB,
            Subformat = subformat,
            Verify = true,
        });
        Qemu.IoOk(_folder["disk.vhdx"], "vhdx", places.Select((offset, i) => $"read -P {i + 1} {offset} 512"));
        Qemu.IoOk(_folder["disk.vhdx"], "vhdx", places.SkipLast(1).Select(offset => $"read -P 0 {offset + 512} 64k"));
    }

    /// <summary>Fills an image that keeps nothing on the host.</summary>
    private (long Allocated, long FileSize) Fill(Subformat subformat, DiskImage? parent, Action<ImageWriter> fill)
    {
        using var target = new MeasuredTarget(_folder["disk.vhdx"]);
        long before = GC.GetAllocatedBytesForCurrentThread();
        using (ImageWriter writer = FormatRegistry.ByName("vhdx").CreateWriter(target, new TargetOptions
        {
            Size = Largest,
            ClusterSize = MiB,
            Subformat = subformat,
            Backing = parent is null ? null : new BackingReference(parent.Path, "vhdx"),
            BackingImage = parent,
        }))
        {
            fill(writer);
            writer.Complete();
        }

        return (GC.GetAllocatedBytesForCurrentThread() - before, target.Length);
    }
}
