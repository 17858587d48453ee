using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Qed.Server;

namespace Qed.PowerShell.Serving;

/// <summary>What a server is, and stays as long as it runs.</summary>
/// <param name="Address">The URI by which it is reached; of a single export the whole of it.</param>
/// <param name="ProcessId">The process that it runs in.</param>
/// <param name="StartTime">When it was started.</param>
/// <param name="Exports">What it offers.</param>
internal sealed record ServerDescription(string Address, int ProcessId, DateTime StartTime, IReadOnlyList<ServedImage> Exports)
{
    /// <summary>Describes a server that has been started.</summary>
    internal static ServerDescription Of(NbdServer server, IReadOnlyDictionary<NbdExport, NbdExportOptions> origins, int processId)
    {
        ServedImage[] exports = server.Exports.Select(export => new ServedImage(
            origins[export].Path, export.Name, server.UriOf(export), (ulong)export.Length, export.IsReadOnly, origins[export].OverlayPath)).ToArray();
        return new ServerDescription(exports.Length == 1 ? exports[0].Address : server.ServerUri, processId, DateTime.Now, exports);
    }

    /// <summary>Reads what <see cref="WriteTo"/> wrote.</summary>
    internal static ServerDescription Read(BinaryReader reader)
    {
        string address = reader.ReadString();
        int processId = reader.ReadInt32();
        var startTime = DateTime.FromBinary(reader.ReadInt64());
        var exports = new ServedImage[reader.ReadInt32()];
        for (int i = 0; i < exports.Length; i++)
            exports[i] = new ServedImage(reader.ReadString(), reader.ReadString(), reader.ReadString(), reader.ReadUInt64(), reader.ReadBoolean(), reader.ReadString() is { Length: > 0 } overlay ? overlay : null);
        return new ServerDescription(address, processId, startTime, exports);
    }

    /// <summary>Writes it for another process.</summary>
    internal void WriteTo(BinaryWriter writer)
    {
        writer.Write(Address);
        writer.Write(ProcessId);
        writer.Write(StartTime.ToBinary());
        writer.Write(Exports.Count);
        foreach (ServedImage export in Exports)
        {
            writer.Write(export.Path);
            writer.Write(export.ExportName);
            writer.Write(export.Address);
            writer.Write(export.Size);
            writer.Write(export.ReadOnly);
            writer.Write(export.OverlayPath ?? string.Empty);
        }
    }
}
