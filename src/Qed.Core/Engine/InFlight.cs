using System;
using System.Threading;
using Qed.Layout;
using Qed.Units;

namespace Qed.Engine;

/// <summary>
/// Who uses which part of the disk just now. Whoever reads or writes clusters at the places that he has looked up holds their
/// part of the disk together with others; whoever takes places away, or moves what lies there, holds it alone, and so
/// begins when nobody knows the old places any more.
/// </summary>
/// <remarks>
/// A part is what a page of an L2 table maps, so that a run of clusters lies within one; parts share a few stripes. Nobody
/// holds two at a time, except who holds all. To hold one together with others takes one interlocked addition.
/// </remarks>
internal sealed class InFlight
{
    private const int Stripes = 64;
    // Stripes do not share cache lines.
    private const int Spacing = 64 / sizeof(int);
    private const int Alone = 1 << 30;

    private readonly int _partBits;
    // Of each stripe how many hold it together, and whether somebody holds it, or wants it, alone.
    private readonly int[] _states = new int[Stripes * Spacing];
    // Guards what happens when one cannot go on at once.
    private readonly object[] _gates = new object[Stripes];
    private readonly ClusterClaims[] _claims = new ClusterClaims[Stripes];

    internal InFlight(QedGeometry geometry)
    {
        _partBits = geometry.ClusterBits + TablePage.EntriesBits;
        for (int i = 0; i < Stripes; i++)
        {
            _gates[i] = new object();
            _claims[i] = new ClusterClaims();
        }
    }

    /// <summary>Bytes from an offset to the end of the part that it lies in.</summary>
    internal long ToPartEnd(GuestOffset offset) => (1L << _partBits) - (offset.Value & ((1L << _partBits) - 1));

    /// <summary>Holds a part together with others, until it is disposed: what lies in it may be used, and mapped where it is not.</summary>
    internal Hold Share(GuestOffset offset)
    {
        int stripe = StripeOf(offset);
        if ((Interlocked.Increment(ref State(stripe)) & Alone) != 0)
            AwaitShared(stripe);
        return new Hold(this, stripe, stripe);
    }

    /// <summary>Holds a part alone, until it is disposed: waits until nobody uses it.</summary>
    internal Hold Exclude(GuestOffset offset)
    {
        int stripe = StripeOf(offset);
        Enter(stripe);
        return new Hold(this, stripe, ~stripe);
    }

    /// <summary>Holds the whole disk alone, until it is disposed.</summary>
    internal Hold ExcludeAll()
    {
        for (int stripe = 0; stripe < Stripes; stripe++)
            Enter(stripe);
        return new Hold(this, 0, ~(Stripes - 1));
    }

    /// <summary>
    /// Holds clusters of a part that is held together with others, to map them: two writers of one that is not mapped would
    /// otherwise allocate it twice and lose one's data.
    /// </summary>
    internal ClusterClaims.Claim Claim(GuestOffset start, GuestOffset end) => _claims[StripeOf(start)].Take(start, end);

    private int StripeOf(GuestOffset offset) => (int)(offset.Value >> _partBits) & (Stripes - 1);

    private ref int State(int stripe) => ref _states[stripe * Spacing];

    private void AwaitShared(int stripe)
    {
        do
        {
            Leave(stripe);
            lock (_gates[stripe])
            {
                while ((Volatile.Read(ref State(stripe)) & Alone) != 0)
                    Monitor.Wait(_gates[stripe]);
            }
        }
        while ((Interlocked.Increment(ref State(stripe)) & Alone) != 0);
    }

    private void Leave(int stripe)
    {
        if (Interlocked.Decrement(ref State(stripe)) != Alone)
            return;
        lock (_gates[stripe])
            Monitor.PulseAll(_gates[stripe]);
    }

    private void Enter(int stripe)
    {
        lock (_gates[stripe])
        {
            while ((Volatile.Read(ref State(stripe)) & Alone) != 0)
                Monitor.Wait(_gates[stripe]);
            // From here on nobody else comes in.
            Interlocked.Add(ref State(stripe), Alone);
            while (Volatile.Read(ref State(stripe)) != Alone)
                Monitor.Wait(_gates[stripe]);
        }
    }

    private void Exit(int stripe)
    {
        lock (_gates[stripe])
        {
            Interlocked.Add(ref State(stripe), -Alone);
            Monitor.PulseAll(_gates[stripe]);
        }
    }

    /// <summary>A part of the disk, or all of it, that is held until this is disposed, once.</summary>
    internal readonly struct Hold : IDisposable
    {
        // Null where nothing is held.
        private readonly InFlight? _owner;
        private readonly int _first;
        // The complement of the last where they are held alone.
        private readonly int _last;

        internal Hold(InFlight owner, int first, int last) => (_owner, _first, _last) = (owner, first, last);

        public void Dispose()
        {
            if (_owner is null)
                return;
            if (_last >= 0)
            {
                _owner.Leave(_first);
                return;
            }

            for (int stripe = _first; stripe <= ~_last; stripe++)
                _owner.Exit(stripe);
        }
    }
}
