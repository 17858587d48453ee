using System;
using System.Runtime.ExceptionServices;
using System.Threading;

namespace Qed.Compaction;

/// <summary>Has several threads do pieces of work that do not depend on each other.</summary>
internal static class Workers
{
    private const int MostWorkers = 8;
    // Some wait for the disk while others copy.
    private const int WorkersEachProcessor = 2;

    /// <summary>Does all pieces and returns when none is under way any more; the first error stops the others and is thrown.</summary>
    /// <param name="pieces">How many there are.</param>
    /// <param name="work">Does one, given its number.</param>
    /// <param name="cancellation">Honoured between pieces.</param>
    internal static void Run(int pieces, Action<int> work, CancellationToken cancellation)
    {
        int next = -1;
        ExceptionDispatchInfo? error = null;
        void Loop()
        {
            try
            {
                int piece;
                while (Volatile.Read(ref error) is null && (piece = Interlocked.Increment(ref next)) < pieces)
                {
                    cancellation.ThrowIfCancellationRequested();
                    work(piece);
                }
            }
            catch (Exception failure)
            {
                Interlocked.CompareExchange(ref error, ExceptionDispatchInfo.Capture(failure), null);
            }
        }

        var threads = new Thread[Math.Max(0, Math.Min(pieces, Math.Min(MostWorkers, WorkersEachProcessor * Environment.ProcessorCount)) - 1)];
        for (int i = 0; i < threads.Length; i++)
        {
            threads[i] = new Thread(Loop) { IsBackground = true, Name = "Qed compaction" };
            threads[i].Start();
        }

        Loop();
        foreach (Thread thread in threads)
            thread.Join();
        error?.Throw();
    }
}
