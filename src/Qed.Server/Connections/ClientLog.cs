using System;
using System.Threading;
using Microsoft.Extensions.Logging;

namespace Qed.Server.Connections;

/// <summary>What is said of one client. One that fails all the time does not fill the disk that the log is on.</summary>
/// <param name="logger">Where it is said.</param>
/// <param name="client">The client's number.</param>
internal sealed class ClientLog(ILogger logger, long client)
{
    private const int MostComplaints = 20;

    private int _complaints;

    internal void Connected() => ServerLog.Connected(logger, client);

    internal void Attached(string export) => ServerLog.Attached(logger, client, export);

    internal void Left(long requests) => ServerLog.Left(logger, client, requests);

    internal void CutOff(string reason) => ServerLog.CutOff(logger, client, reason);

    internal void ConnectionFailed(string reason) => ServerLog.ConnectionFailed(logger, client, reason);

    internal void Refused(string reason)
    {
        if (MayComplain())
            ServerLog.Refused(logger, client, reason);
    }

    internal void Failed(DiskImageException error)
    {
        if (MayComplain())
            ServerLog.Failed(logger, client, error.Message);
    }

    internal void Fault(Exception fault)
    {
        if (MayComplain())
            ServerLog.Fault(logger, fault, client);
    }

    private bool MayComplain()
    {
        int complaint = Interlocked.Increment(ref _complaints);
        if (complaint == MostComplaints + 1)
            ServerLog.NothingMore(logger, client);
        return complaint <= MostComplaints;
    }
}
