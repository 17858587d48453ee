using System;
using System.Collections.Generic;
using System.Threading;
using Qed.Units;

namespace Qed.Engine;

/// <summary>
/// Lets one request at a time change the mapping of a guest range, while requests for other ranges go on: two writers
/// of one unallocated cluster would otherwise allocate it twice and lose one's data.
/// </summary>
internal sealed class ClusterClaims
{
    private readonly List<Claim> _held = [];

    /// <summary>Waits until nobody holds any part of the range, and holds it until disposed.</summary>
    internal Claim Take(GuestOffset start, GuestOffset end)
    {
        var claim = new Claim(this, start, end);
        lock (_held)
        {
            while (_held.Exists(claim.Overlaps))
                Monitor.Wait(_held);
            _held.Add(claim);
        }

        return claim;
    }

    private void Release(Claim claim)
    {
        lock (_held)
        {
            _held.Remove(claim);
            Monitor.PulseAll(_held);
        }
    }

    internal sealed class Claim(ClusterClaims owner, GuestOffset start, GuestOffset end) : IDisposable
    {
        private readonly GuestOffset _start = start;
        private readonly GuestOffset _end = end;

        internal bool Overlaps(Claim other) => _start < other._end && other._start < _end;

        public void Dispose() => owner.Release(this);
    }
}
