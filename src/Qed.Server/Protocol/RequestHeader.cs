using System;
using System.Buffers.Binary;

namespace Qed.Server.Protocol;

/// <summary>A request as it came: the NBD specification, "Request message". Nothing in it has been looked at but its magic.</summary>
/// <param name="Flags">How it is to be done.</param>
/// <param name="Command">What it asks for.</param>
/// <param name="Cookie">What its reply is known by.</param>
/// <param name="Offset">Bytes from the start of the export.</param>
/// <param name="Length">Bytes of the range.</param>
internal readonly record struct RequestHeader(CommandFlags Flags, NbdCommand Command, ulong Cookie, ulong Offset, uint Length)
{
    /// <summary>Bytes of a request without its payload.</summary>
    internal const int Size = 28;

    /// <summary>Whether the client sends the bytes of the range behind the request.</summary>
    internal bool HasPayload => Command == NbdCommand.Write;

    /// <exception cref="ProtocolException">It is no request.</exception>
    internal static RequestHeader Read(ReadOnlySpan<byte> bytes)
        => TryRead(bytes, out RequestHeader request) ? request
            : throw new ProtocolException(FormattableString.Invariant($"a request began with 0x{BinaryPrimitives.ReadUInt32BigEndian(bytes):x8}"));

    /// <returns>False where it is no request.</returns>
    internal static bool TryRead(ReadOnlySpan<byte> bytes, out RequestHeader request)
    {
        request = new RequestHeader(
            (CommandFlags)BinaryPrimitives.ReadUInt16BigEndian(bytes.Slice(4)),
            (NbdCommand)BinaryPrimitives.ReadUInt16BigEndian(bytes.Slice(6)),
            BinaryPrimitives.ReadUInt64BigEndian(bytes.Slice(8)),
            BinaryPrimitives.ReadUInt64BigEndian(bytes.Slice(16)),
            BinaryPrimitives.ReadUInt32BigEndian(bytes.Slice(24)));
        return BinaryPrimitives.ReadUInt32BigEndian(bytes) == NbdMagic.Request;
    }
}
