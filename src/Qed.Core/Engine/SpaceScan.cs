using System;
using System.Threading;
using Qed.Layout;
using Qed.Space;
using Qed.Storage;
using Qed.Tables;

namespace Qed.Engine;

/// <summary>
/// Finds out which clusters of an open image are free, by a scan of its tables beside whoever uses the image. One at a time;
/// what moves clusters or drops tables stops it first.
/// </summary>
internal sealed class SpaceScan : IDisposable
{
    // Clusters that may be added to the file while a scan is under way; a bit each.
    private const long Headroom = 1 << 20;

    // Where much is freed while a scan is under way, another one sees what has become of it.
    private const int MostScans = 4;

    private readonly BlockStorage _storage;
    private readonly QedGeometry _geometry;
    private readonly ClusterSpace _space;
    private readonly BackgroundWork _background;
    private readonly long _bytesPerSecond;
    private readonly Func<long> _begin;
    private readonly object _lock = new();
    private CancellationTokenSource? _running;
    // Whether the one that is running reads as fast as the disk goes.
    private bool _isFast;
    private bool _isOver;

    /// <param name="storage">The image's file.</param>
    /// <param name="geometry">The image's geometry.</param>
    /// <param name="space">Told what is found.</param>
    /// <param name="background">Runs it.</param>
    /// <param name="bytesPerSecond">How fast tables are read beside the guest.</param>
    /// <param name="begin">
    /// Begins a scan of the space, and brings to the disk's tables all that is mapped below its end, which it returns; may throw.
    /// </param>
    internal SpaceScan(BlockStorage storage, QedGeometry geometry, ClusterSpace space, BackgroundWork background, long bytesPerSecond, Func<long> begin)
    {
        _storage = storage;
        _geometry = geometry;
        _space = space;
        _background = background;
        _bytesPerSecond = bytesPerSecond;
        _begin = begin;
    }

    /// <summary>Starts a scan beside the guest, unless one is under way.</summary>
    /// <param name="isShort">Whether there is so little to read that it is done before this returns.</param>
    /// <param name="isFast">Whether somebody will soon wait for it, so that it goes as fast as the disk.</param>
    internal void Start(bool isShort, bool isFast = false)
    {
        CancellationTokenSource running;
        lock (_lock)
        {
            if (_running is not null || _isOver)
                return;
            running = Begin(isShort || isFast);
        }

        if (isShort)
            Run(running, long.MaxValue);
        else
            _background.Start(() => Run(running, isFast ? long.MaxValue : _bytesPerSecond));
    }

    /// <summary>
    /// Scans as fast as the disk goes and returns when that has ended. One of that kind that is under way is waited for; one beside
    /// the guest is ended.
    /// </summary>
    /// <param name="isWanted">Whether a scan is needed, once none is under way.</param>
    internal void RunNow(Func<bool> isWanted)
    {
        CancellationTokenSource running;
        lock (_lock)
        {
            while (_running is not null && _isFast)
                Monitor.Wait(_lock);
            AwaitEnd();
            if (!isWanted())
                return;
            running = Begin(isFast: true);
        }

        Run(running, long.MaxValue);
    }

    /// <summary>Ends a scan that may be under way, and waits for that.</summary>
    internal void Stop()
    {
        lock (_lock)
            AwaitEnd();
    }

    /// <summary>Ends a scan that may be under way; none is started any more, though one can still be run.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _isOver = true;
            AwaitEnd();
        }
    }

    private CancellationTokenSource Begin(bool isFast)
    {
        _isFast = isFast;
        return _running = new CancellationTokenSource();
    }

    private void AwaitEnd()
    {
        _running?.Cancel();
        while (_running is not null)
            Monitor.Wait(_lock);
    }

    private void Run(CancellationTokenSource running, long bytesPerSecond)
    {
        try
        {
            Scan(bytesPerSecond, running.Token);
        }
        catch (OperationCanceledException)
        {
            _space.AbandonScan();
        }
        catch (Exception error) when (error is DiskImageException or OutOfMemoryException)
        {
            // Whoever needs what cannot be read will hear of it; nothing is given out that is not known to be free.
            _space.GiveUpScan(error);
        }
        finally
        {
            lock (_lock)
            {
                _running = null;
                Monitor.PulseAll(_lock);
            }

            running.Dispose();
        }
    }

    private void Scan(long bytesPerSecond, CancellationToken cancellation)
    {
        // Whatever is called a hole is read all the same: what is overlooked here would be given out.
        BlockStorage storage = new SolidStorage(_storage);
        if (bytesPerSecond < long.MaxValue)
            storage = new ThrottledStorage(storage, bytesPerSecond, cancellation);
        int bits = _geometry.ClusterBits;
        bool isDone = false;
        for (int left = MostScans - 1; !isDone; left--)
        {
            long end = _begin();
            long bound = _storage.HasFixedLength ? _storage.Length >> bits : Math.Min(end + Headroom, long.MaxValue >> bits);
            var scan = new ImageScan(storage, maximumFaults: 0, length: bound << bits);
            scan.Run(ProgressMeter.Silent, cancellation);
            isDone = _space.EndScan(end, scan.Corruptions == 0 ? scan.References.Used : null, mayRepeat: left > 0);
        }

        _space.Release();
    }
}
