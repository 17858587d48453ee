using System;
using System.Linq;
using System.Management.Automation;
using Qed.PowerShell.Serving;

namespace Qed;

/// <summary>A server that offers disk images over NBD. Its counters are as they are when they are read.</summary>
public sealed class ImageServer
{
    internal ImageServer(IRunningServer server)
    {
        Server = server;
        Exports = server.Description.Exports.ToArray();
    }

    /// <summary>The URI by which clients reach the one disk that is offered; of several the server's, whose exports have their own.</summary>
    public string Address => Server.Description.Address;

    /// <summary>The same as <see cref="Address"/>, for lists of these: arrays have a member of that name themselves.</summary>
    public string Uri => Address;

    /// <summary>What is offered.</summary>
    public ServedImage[] Exports { get; }

    /// <summary>The process that the server runs in.</summary>
    public int ProcessId => Server.Description.ProcessId;

    /// <summary>When it was started.</summary>
    public DateTime StartTime => Server.Description.StartTime;

    /// <summary>Whether it has not been stopped.</summary>
    public bool IsRunning => Server.IsRunning;

    /// <summary>Clients that are connected.</summary>
    public int Clients => Server.State.Traffic.Clients;

    /// <summary>Requests that clients have sent.</summary>
    public ulong Requests => (ulong)Server.State.Traffic.Requests;

    /// <summary>Bytes that they asked for.</summary>
    public ulong ReadBytes => (ulong)Server.State.Traffic.ReadBytes;

    /// <summary>Bytes that they sent to be written.</summary>
    public ulong WrittenBytes => (ulong)Server.State.Traffic.WrittenBytes;

    /// <summary>Bytes of the disks that are still to be looked at until their overlays stand alone: 0 once they do; null where none is to.</summary>
    public ulong? LeftBytes => (ulong?)Server.State.LeftBytes;

    /// <summary>The last warnings since it was started, at most a hundred, each with its time.</summary>
    public string[] Messages => Server.State.Messages;

    /// <summary>See <see cref="ReadBytes"/>.</summary>
    [Hidden]
    public string ReadText => ByteSize.Format(ReadBytes);

    /// <summary>See <see cref="WrittenBytes"/>.</summary>
    [Hidden]
    public string WrittenText => ByteSize.Format(WrittenBytes);

    /// <summary>Whether it runs.</summary>
    [Hidden]
    public string StateText => IsRunning ? "running" : "stopped";

    /// <summary>The names of the images that are offered.</summary>
    [Hidden]
    public string NamesText => string.Join(", ", Exports.Select(export => export.Name));

    internal IRunningServer Server { get; }

    /// <summary>The address.</summary>
    public override string ToString() => Address;
}
