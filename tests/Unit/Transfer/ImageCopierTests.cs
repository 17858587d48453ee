using System;
using System.Linq;
using System.Threading;
using Qed.Formats;
using Qed.Images;
using Qed.Operations;
using Qed.Targets;
using Qed.Tests.Support;
using Qed.Transfer;
using Xunit;

namespace Qed.Tests.Transfer;

/// <summary>Copying and comparing read what is data and nothing else, and stop soon after they are told to.</summary>
public sealed class ImageCopierTests : IDisposable
{
    private const long Tebibyte = 1L << 40;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Holes_are_never_read()
    {
        using var source = new SparseDisk(Tebibyte, (0, 4096, 1), (Tebibyte / 2, 65536, 2), (Tebibyte - 4096, 4096, 3));
        Copy(source, default);
        // Widened to whole clusters at the ends, nothing more.
        Assert.InRange(source.BytesRead, 65536 + 8192, 3 * 65536);
        Assert.Equal(3, CheckImage.Run(new CheckImageOptions { Path = _folder["target.qed"] }).AllocatedClusters);
    }

    [Fact]
    public void Comparing_reads_no_holes_and_names_the_first_sector_that_differs()
    {
        using var left = new SparseDisk(Tebibyte, (1 << 30, 65536, 2), (Tebibyte - 4096, 4096, 3));
        using var same = new SparseDisk(Tebibyte, (1 << 30, 65536, 2), (Tebibyte - 4096, 4096, 3));
        using var other = new SparseDisk(Tebibyte, (1 << 30, 65536, 2), (Tebibyte / 2, 1, 9), (Tebibyte - 4096, 4096, 4));
        Assert.Null(ImageComparer.FirstDifference(left, same, ProgressMeter.Silent, default));
        Assert.InRange(left.BytesRead, 65536 + 4096, 2 * 65536);
        Assert.Equal(Tebibyte / 2, ImageComparer.FirstDifference(left, other, ProgressMeter.Silent, default)!.Value.Value);
    }

    [Fact]
    public void A_longer_disk_equals_a_shorter_one_only_if_the_rest_is_zeroes()
    {
        using var shorter = new SparseDisk(1 << 20, (0, 1000, 1));
        using var zeroes = new SparseDisk(4 << 20, (0, 1000, 1), (2 << 20, 4096, 0));
        using var longer = new SparseDisk(4 << 20, (0, 1000, 1), (2 << 20, 1, 7));
        Assert.Null(ImageComparer.FirstDifference(shorter, zeroes, ProgressMeter.Silent, default));
        Assert.Null(ImageComparer.FirstDifference(zeroes, shorter, ProgressMeter.Silent, default));
        Assert.Equal(2 << 20, ImageComparer.FirstDifference(shorter, longer, ProgressMeter.Silent, default)!.Value.Value);
    }

    [Fact]
    public void Cancelling_stops_within_the_pieces_that_are_being_copied()
    {
        const int Chunk = 1 << 20;
        const int MostWorkers = 8;
        using var cancel = new CancellationTokenSource();
        using var source = new SparseDisk(200L * Chunk, (0, 200 * Chunk, 1));
        int reads = 0;
        source.BeforeRead = () =>
        {
            if (Interlocked.Increment(ref reads) == 3)
                cancel.Cancel();
        };
        Assert.ThrowsAny<OperationCanceledException>(() => Copy(source, cancel.Token));
        Assert.InRange(reads, 3, 3 + MostWorkers);
    }

    [Fact]
    public void An_error_in_one_worker_stops_the_others_and_is_the_one_reported()
    {
        using var source = new SparseDisk(200L << 20, (0, 200 << 20, 1));
        int reads = 0;
        source.BeforeRead = () =>
        {
            if (Interlocked.Increment(ref reads) == 3)
                throw new DiskImageException(ErrorKind.AccessDenied, "the device failed");
        };
        Fails.With(ErrorKind.AccessDenied, "the device failed", () => Copy(source, default));
        Assert.InRange(reads, 3, 30);
    }

    [Fact]
    public void Chunks_cover_all_data_once_in_order_and_on_whole_grains()
    {
        const int Grain = 65536;
        int seed = 3;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var runs = Enumerable.Range(0, 40).Select(i => ((i * 700_000L) + random.Next(300_000), random.Next(1, 400_000), (byte)1)).ToArray();
        using var disk = new SparseDisk(30_000_000, runs);
        WorkPiece[] chunks = CopyPlan.Chunks(disk, null, disk.Length, Grain).ToArray();
        long end = 0;
        foreach (WorkPiece chunk in chunks)
        {
            Assert.True(chunk.Offset.Value >= end);
            Assert.Equal(0, chunk.Offset.Value % Grain);
            Assert.True(chunk.End.Value % Grain == 0 || chunk.End.Value == disk.Length);
            Assert.InRange(chunk.Length, 1, CopyPlan.ChunkSize);
            end = chunk.End.Value;
        }

        foreach ((long offset, int length, _) in runs)
            Assert.Equal(length, chunks.Sum(chunk => Math.Max(0, Math.Min(chunk.End.Value, offset + length) - Math.Max(chunk.Offset.Value, offset))));
    }

    private void Copy(DiskImage source, CancellationToken cancellation)
    {
        using Destination file = Destination.Begin(_folder["target.qed"], overwrite: false, cancellation: CancellationToken.None);
        using ImageWriter writer = FormatRegistry.ByName("qed").CreateWriter(file, new TargetOptions { Size = source.Length });
        new ImageCopier(source, null, writer, source.Length).Run(ProgressMeter.Silent, cancellation);
        writer.Complete();
        file.Finish(ProgressMeter.Silent, CancellationToken.None);
        file.Commit();
    }
}
