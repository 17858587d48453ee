using System.IO;
using System.Linq;
using Qed.Server;

namespace Qed.PowerShell.Serving;

/// <summary>What a server is about.</summary>
/// <param name="Traffic">What it has done so far.</param>
/// <param name="LeftBytes">Bytes of disks that are still to be looked at until their overlays stand alone: 0 once they do; null where none is to.</param>
/// <param name="Messages">What it had to say that a user should know, the last of it.</param>
internal sealed record ServerState(ServerTraffic Traffic, long? LeftBytes, string[] Messages)
{
    /// <summary>Reads what <see cref="WriteTo"/> wrote.</summary>
    internal static ServerState Read(BinaryReader reader)
    {
        var traffic = new ServerTraffic(reader.ReadInt32(), reader.ReadInt64(), reader.ReadInt64(), reader.ReadInt64());
        long left = reader.ReadInt64();
        return new ServerState(traffic, left < 0 ? null : left, Enumerable.Range(0, reader.ReadInt32()).Select(_ => reader.ReadString()).ToArray());
    }

    /// <summary>Writes it for another process.</summary>
    internal void WriteTo(BinaryWriter writer)
    {
        writer.Write(Traffic.Clients);
        writer.Write(Traffic.Requests);
        writer.Write(Traffic.ReadBytes);
        writer.Write(Traffic.WrittenBytes);
        writer.Write(LeftBytes ?? -1);
        writer.Write(Messages.Length);
        foreach (string message in Messages)
            writer.Write(message);
    }
}
