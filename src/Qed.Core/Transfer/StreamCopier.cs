using System;
using System.Buffers;
using System.Threading;
using Qed.Images;
using Qed.Storage;

namespace Qed.Transfer;

/// <summary>Hands out a disk's bytes from its first to its last. Several threads read ahead, one at a time passes on.</summary>
internal static class StreamCopier
{
    /// <summary>Passes on all of a disk.</summary>
    /// <param name="source">The disk.</param>
    /// <param name="write">Called with each piece, in order: a buffer that is its own only for the call, and the number of bytes.</param>
    /// <param name="limit">How fast; null for as fast as it goes.</param>
    /// <param name="progress">Told how many bytes were passed on.</param>
    /// <param name="cancellation">Honoured between pieces.</param>
    internal static void Run(DiskImage source, Action<byte[], int> write, RateLimit? limit, ProgressMeter progress, CancellationToken cancellation)
    {
        byte[] piece = ArrayPool<byte>.Shared.Rent(CopyPlan.ChunkSize);
        try
        {
            using var workers = new OrderedWorkers(CopyPlan.Everything(source, source.Length, grain: 1), 1, cancellation, source.IsSequential);
            workers.Run((range, buffers, ticket) =>
            {
                source.Read(range.Offset, buffers[0].Take(range.Length));
                workers.InTurn(ticket, () =>
                {
                    limit?.Wait(range.Length);
                    buffers[0].Take(range.Length).CopyTo(piece);
                    write(piece, range.Length);
                });
                progress.ReachedAtLeast(range.End.Value);
            });
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }
    }
}
