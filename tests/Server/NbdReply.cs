using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Text;

namespace Qed.Tests.Server;

/// <summary>A reply, put together from its chunks.</summary>
internal sealed class NbdReply
{
    internal ulong Cookie { get; set; }

    internal uint Error { get; set; }

    /// <summary>What a client is told of an error.</summary>
    internal string Message { get; private set; } = string.Empty;

    /// <summary>The bytes that were read, holes filled in.</summary>
    internal byte[] Data { get; set; } = [];

    /// <summary>Whether it said that there is a hole.</summary>
    internal bool HasHole { get; private set; }

    /// <summary>The extents of each metadata context.</summary>
    internal Dictionary<uint, List<(uint Length, uint Flags)>> Status { get; } = [];

    internal void Add(ushort kind, byte[] payload)
    {
        switch (kind)
        {
            case 0:
                break;
            case 1:
                Data = [.. Data, .. payload.AsSpan(8)];
                break;
            case 2:
                HasHole = true;
                Data = [.. Data, .. new byte[BinaryPrimitives.ReadUInt32BigEndian(payload.AsSpan(8))]];
                break;
            case 5:
                var extents = new List<(uint, uint)>();
                for (int i = 4; i < payload.Length; i += 8)
                    extents.Add((BinaryPrimitives.ReadUInt32BigEndian(payload.AsSpan(i)), BinaryPrimitives.ReadUInt32BigEndian(payload.AsSpan(i + 4))));
                Status.Add(BinaryPrimitives.ReadUInt32BigEndian(payload), extents);
                break;
            default:
                Error = BinaryPrimitives.ReadUInt32BigEndian(payload);
                Message = Encoding.UTF8.GetString(payload, 6, BinaryPrimitives.ReadUInt16BigEndian(payload.AsSpan(4)));
                break;
        }
    }
}
