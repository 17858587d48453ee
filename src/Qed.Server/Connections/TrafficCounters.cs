using System.Threading;
using Qed.Server.Protocol;

namespace Qed.Server.Connections;

/// <summary>What one client has asked for. One thread counts, any reads.</summary>
internal sealed class TrafficCounters
{
    private long _requests;
    private long _readBytes;
    private long _writtenBytes;

    internal long Requests => Volatile.Read(ref _requests);

    internal long ReadBytes => Volatile.Read(ref _readBytes);

    internal long WrittenBytes => Volatile.Read(ref _writtenBytes);

    internal void Add(in RequestHeader request)
    {
        Volatile.Write(ref _requests, _requests + 1);
        if (request.Command == NbdCommand.Read)
            Volatile.Write(ref _readBytes, _readBytes + request.Length);
        else if (request.Command == NbdCommand.Write)
            Volatile.Write(ref _writtenBytes, _writtenBytes + request.Length);
    }
}
