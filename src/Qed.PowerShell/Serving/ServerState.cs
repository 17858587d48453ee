using System.IO;
using System.Linq;
using Qed.Server;

namespace Qed.PowerShell.Serving;

/// <summary>What a server is about.</summary>
/// <param name="Traffic">What it has done so far.</param>
/// <param name="Messages">What it had to say that a user should know, the last of it.</param>
internal sealed record ServerState(ServerTraffic Traffic, string[] Messages)
{
    /// <summary>Reads what <see cref="WriteTo"/> wrote.</summary>
    internal static ServerState Read(BinaryReader reader)
    {
        var traffic = new ServerTraffic(reader.ReadInt32(), reader.ReadInt64(), reader.ReadInt64(), reader.ReadInt64());
        return new ServerState(traffic, Enumerable.Range(0, reader.ReadInt32()).Select(_ => reader.ReadString()).ToArray());
    }

    /// <summary>Writes it for another process.</summary>
    internal void WriteTo(BinaryWriter writer)
    {
        writer.Write(Traffic.Clients);
        writer.Write(Traffic.Requests);
        writer.Write(Traffic.ReadBytes);
        writer.Write(Traffic.WrittenBytes);
        writer.Write(Messages.Length);
        foreach (string message in Messages)
            writer.Write(message);
    }
}
