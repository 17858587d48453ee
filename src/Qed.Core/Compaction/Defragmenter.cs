using System;
using System.Collections.Generic;
using System.Threading;
using Qed.Tables;
using Qed.Units;

namespace Qed.Compaction;

/// <summary>
/// Brings data into the guest's order, behind the tables at the front. Every cluster has a home; a home that is free takes
/// its cluster, which leaves another place free, the home of another cluster. Where no home is free, clusters that are in
/// the wrong place step aside to the end of the file. So each is moved once, those that step aside twice, and however
/// large the image is, a batch of moves is all that is in memory.
/// </summary>
internal sealed class Defragmenter
{
    // Of the image: those that step aside are moved twice, so that there should be few at once.
    private const int SmallestPart = 32;

    private readonly LayoutMoves _moves;
    private readonly GuestOrder _order;
    private readonly CancellationToken _cancellation;
    private readonly long _firstHome;
    private readonly long _end;
    private readonly long _most;
    private readonly HashSet<long> _leaving = [];
    private List<long> _free = [];
    private long _gap;
    private long _next;
    private long _aside;

    /// <param name="moves">Makes the moves; the tables are at the front.</param>
    /// <param name="order">The order that is wanted.</param>
    /// <param name="cancellation">Honoured anywhere.</param>
    internal Defragmenter(LayoutMoves moves, GuestOrder order, CancellationToken cancellation)
    {
        _moves = moves;
        _order = order;
        _cancellation = cancellation;
        _end = moves.Layout.InUse;
        _firstHome = _end - order.Total;
        _gap = _firstHome;
        _most = Math.Max(1, Math.Min(Math.Min(ClusterMover.MostEntries, ClusterMover.MostBytes >> moves.Layout.Geometry.ClusterBits), order.Total / SmallestPart));
    }

    private ClusterBitmap Used => _moves.Layout.Used;

    internal void Run()
    {
        _moves.Expect(CountMisplaced());
        do
        {
            _cancellation.ThrowIfCancellationRequested();
            _aside = _end;
            _leaving.Clear();
            List<long> leaving = FillHomes();
            for (; _leaving.Count < _most && _next < _order.Total; _next++)
            {
                if (_next % ClusterMover.MostEntries == 0)
                    _cancellation.ThrowIfCancellationRequested();
                StepAside(_next, leaving);
            }

            _moves.Apply();
            _order.Forget();
            _free = leaving;
        }
        while (_leaving.Count > 0);
    }

    private long CountMisplaced()
    {
        long count = 0;
        for (long number = 0; number < _order.Total; number++)
        {
            if (number % ClusterMover.MostEntries == 0)
                _cancellation.ThrowIfCancellationRequested();
            count += _moves.PlaceOf(_order.Find(number).Cluster) == _firstHome + number ? 0 : 1;
        }

        return count;
    }

    /// <summary>Fills the homes that the last batch has left free, and those that always were.</summary>
    /// <returns>The homes that become free.</returns>
    private List<long> FillHomes()
    {
        List<long> homes = _free;
        foreach (long home in homes)
            Used.Set(new ClusterIndex(home), 1);
        while (homes.Count < _most && (_gap = Used.Next(_gap, value: false)) < _end)
        {
            Used.Set(new ClusterIndex(_gap), 1);
            homes.Add(_gap);
        }

        // As they lie in the file and in the tables, so that neighbours move together.
        homes.Sort();
        var leaving = new List<long>();
        foreach (long home in homes)
            Move(_order.Find(home - _firstHome), home, isForGood: true, leaving);
        return leaving;
    }

    /// <summary>Moves a cluster to the end of the file if it is in the home of another.</summary>
    private void StepAside(long number, List<long> leaving)
    {
        (HostOffset Entry, long Cluster) data = _order.Find(number);
        if (_moves.PlaceOf(data.Cluster) is not { } place || place == _firstHome + number || place >= _end || _leaving.Contains(place))
            return;
        _aside = Used.Next(_aside, value: false);
        if (_aside >= Used.Count)
            _moves.Extend(_aside + _most - _leaving.Count);
        Used.Set(new ClusterIndex(_aside), 1);
        Move(data, _aside, isForGood: false, leaving);
    }

    private void Move((HostOffset Entry, long Cluster) data, long to, bool isForGood, List<long> leaving)
    {
        long from = _moves.PlaceOf(data.Cluster) ?? throw new InvalidOperationException("Data is wanted where it is already.");
        _moves.Add(new ClusterMove(new ClusterIndex(from), new ClusterIndex(to), 1), data.Entry, data.Cluster, isForGood);
        _leaving.Add(from);
        if (from < _end)
            leaving.Add(from);
    }
}
