using System;
using System.Diagnostics;
using System.Net.Sockets;
using System.Threading;

namespace Qed.Server.Connections;

/// <summary>
/// The stream of a connection whose reader keeps looking for the next bytes for a moment before it sleeps: the next request of
/// a client that sends one at a time comes sooner than a sleeping thread wakes up. For one reader.
/// </summary>
/// <param name="socket">The connection, which stays its owner's to close.</param>
internal sealed class WatchfulStream(Socket socket) : NetworkStream(socket, ownsSocket: false)
{
    // To fall asleep and to wake takes a processor 10 to 50 us, more where it is a virtual one.
    private static readonly long WatchTicks = Stopwatch.Frequency / 1_000_000 * 50;

    // With one processor the client cannot go on while its server looks.
    private static readonly bool MayWatch = Environment.ProcessorCount > 1;

    // Watching in vain costs a processor's time: the more often it was, the more reads go without.
    private const int MostUnwatched = 255;

    private int _inVain;
    private int _unwatched;

    // What was just found to be there is not looked for again.
    private bool _isThere;

    /// <inheritdoc/>
    public override bool DataAvailable => _isThere = base.DataAvailable;

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count)
    {
        Watch();
        return base.Read(buffer, offset, count);
    }

#if NET
    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        Watch();
        return base.Read(buffer);
    }
#endif

    private void Watch()
    {
        bool isThere = _isThere;
        _isThere = false;
        if (isThere || !MayWatch || Socket.Available > 0)
            return;
        if (_unwatched > 0)
        {
            _unwatched--;
            return;
        }

        long start = Stopwatch.GetTimestamp();
        do
        {
            // Whoever wants this processor gets it.
            Thread.Yield();
            if (Socket.Available > 0)
            {
                _inVain /= 2;
                return;
            }
        }
        while (Stopwatch.GetTimestamp() - start < WatchTicks);

        _inVain = Math.Min(MostUnwatched, (2 * _inVain) + 1);
        _unwatched = _inVain;
    }
}
