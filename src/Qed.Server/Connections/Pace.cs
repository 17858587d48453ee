using System;
using System.Diagnostics;
using System.Threading;

namespace Qed.Server.Connections;

/// <summary>
/// Whether requests of one kind wait for the host's disk just now. What comes from its memory is done at once where it was
/// parsed, which costs least; what waits is worth another thread, so that those behind it do not.
/// </summary>
/// <param name="quickOnes">How many quick ones in a row are believed; 0 where the first is taken for quick.</param>
internal sealed class Pace(int quickOnes = 0)
{
    // Handing over costs some 10 us at best; a disk takes longer than this,
    internal static readonly long SlowTicks = Stopwatch.Frequency / 10_000;

    // and memory gives so many bytes in that time.
    private const long SlowBytes = 256 << 10;

    private readonly int _most = Math.Max(1, quickOnes);

    // How many more quick ones it takes.
    private int _missing = quickOnes;

    internal bool IsSlow => Volatile.Read(ref _missing) > 0;

    /// <summary>Tells how long one took.</summary>
    /// <param name="start">When it began, as the stop watch counts.</param>
    /// <param name="length">How many bytes it was about.</param>
    /// <returns>Whether it was slow.</returns>
    internal bool Finished(long start, long length)
    {
        bool wasSlow = Stopwatch.GetTimestamp() - start > SlowTicks + (SlowTicks * length / SlowBytes);
        // Threads may overwrite what another one has just noted: the next one notes it again.
        Volatile.Write(ref _missing, wasSlow ? _most : Math.Max(0, Volatile.Read(ref _missing) - 1));
        return wasSlow;
    }
}
