using System.Diagnostics;
using System.Threading;

namespace Qed.Server.Connections;

/// <summary>
/// Whether requests of one kind wait for the host's disk just now. What comes from its memory is done at once where it was
/// parsed, which costs least; what waits is worth another thread, so that those behind it do not.
/// </summary>
internal sealed class Pace
{
    // Handing over costs some 10 us at best; a disk takes longer than this.
    private static readonly long SlowTicks = Stopwatch.Frequency / 10_000;

    private bool _isSlow;

    internal bool IsSlow => Volatile.Read(ref _isSlow);

    /// <summary>Tells how long one took.</summary>
    /// <param name="start">When it began, as the stop watch counts.</param>
    internal void Finished(long start) => Volatile.Write(ref _isSlow, Stopwatch.GetTimestamp() - start > SlowTicks);
}
