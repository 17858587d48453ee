using System;
using System.Runtime.ExceptionServices;
using System.Threading;

namespace Qed;

/// <summary>Threads that work together, the caller's among them.</summary>
internal static class Workers
{
    private const int MostUsual = 8;
    // Some wait for the disk while others copy, or look for zeroes.
    private const int UsualEachProcessor = 2;

    /// <summary>How many there are where each reads and writes.</summary>
    internal static int UsualCount => Math.Min(MostUsual, UsualEachProcessor * Environment.ProcessorCount);

    /// <summary>Has each worker do its work and returns when all have ended; the first error is thrown then.</summary>
    /// <param name="count">How many; the caller's thread is one.</param>
    /// <param name="name">What the other threads are called.</param>
    /// <param name="work">Does the work of one, given its number.</param>
    internal static void Run(int count, string name, Action<int> work)
    {
        ExceptionDispatchInfo? error = null;
        void RunOne(int worker)
        {
            try
            {
                work(worker);
            }
            catch (Exception failure)
            {
                Interlocked.CompareExchange(ref error, ExceptionDispatchInfo.Capture(failure), null);
            }
        }

        var threads = new Thread[Math.Max(0, count - 1)];
        for (int i = 0; i < threads.Length; i++)
        {
            int worker = i + 1;
            threads[i] = new Thread(() => RunOne(worker)) { IsBackground = true, Name = name };
            threads[i].Start();
        }

        RunOne(0);
        foreach (Thread thread in threads)
            thread.Join();
        error?.Throw();
    }

    /// <summary>Does pieces of work that do not depend on each other; the first error stops the others and is thrown.</summary>
    /// <param name="pieces">How many there are.</param>
    /// <param name="name">What the threads are called.</param>
    /// <param name="work">Does one, given its number.</param>
    /// <param name="cancellation">Honoured between pieces.</param>
    internal static void RunPieces(int pieces, string name, Action<int> work, CancellationToken cancellation)
    {
        int next = -1;
        bool hasFailed = false;
        Run(Math.Min(pieces, UsualCount), name, _ =>
        {
            try
            {
                int piece;
                while (!Volatile.Read(ref hasFailed) && (piece = Interlocked.Increment(ref next)) < pieces)
                {
                    cancellation.ThrowIfCancellationRequested();
                    work(piece);
                }
            }
            catch
            {
                Volatile.Write(ref hasFailed, true);
                throw;
            }
        });
    }
}
