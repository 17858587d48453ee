using System;
using System.Security.Cryptography;
using System.Threading;
using Qed.Images;
using Qed.Storage;

namespace Qed.Transfer;

/// <summary>
/// Hashes a disk. A hash takes bytes in order, so only one thread can feed it; others read ahead meanwhile, and what a
/// disk holds no data for is fed from one block of zeroes.
/// </summary>
internal static class ContentHash
{
    private static readonly byte[] Zeroes = new byte[CopyPlan.ChunkSize];

    /// <summary>The hash of a disk's bytes, from the first to the last.</summary>
    internal static byte[] Of(DiskImage image, HashAlgorithmName algorithm, ProgressMeter progress, CancellationToken cancellation)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(algorithm);
        long hashed = 0;
        using (var workers = new OrderedWorkers(CopyPlan.Chunks(image, null, image.Length, grain: 1), buffersEach: 1, cancellation))
        {
            workers.Run((range, buffers, ticket) =>
            {
                AlignedBuffer buffer = buffers[0];
                image.Read(range.Offset, buffer.Take(range.Length));
                workers.InTurn(ticket, () =>
                {
                    AppendZeroes(hash, ref hashed, range.Offset.Value, progress, cancellation);
                    Append(hash, buffer.Take(range.Length));
                    hashed = range.End.Value;
                });
                progress.ReachedAtLeast(range.End.Value);
            });
        }

        AppendZeroes(hash, ref hashed, image.Length, progress, cancellation);
        return hash.GetHashAndReset();
    }

    private static void AppendZeroes(IncrementalHash hash, ref long hashed, long end, ProgressMeter progress, CancellationToken cancellation)
    {
        while (hashed < end)
        {
            cancellation.ThrowIfCancellationRequested();
            int count = (int)Math.Min(Zeroes.Length, end - hashed);
            hash.AppendData(Zeroes, 0, count);
            hashed += count;
            progress.ReachedAtLeast(hashed);
        }
    }

    private static void Append(IncrementalHash hash, ReadOnlySpan<byte> data)
    {
#if NET
        hash.AppendData(data);
#else
        byte[] rented = System.Buffers.ArrayPool<byte>.Shared.Rent(data.Length);
        data.CopyTo(rented);
        hash.AppendData(rented, 0, data.Length);
        System.Buffers.ArrayPool<byte>.Shared.Return(rented);
#endif
    }
}
