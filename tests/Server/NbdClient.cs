using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net.Sockets;
using System.Text;

namespace Qed.Tests.Server;

/// <summary>
/// A client that can say anything, also what no client may, written by the NBD specification and not by the server's code.
/// For one thread.
/// </summary>
internal sealed class NbdClient : IDisposable
{
    internal const uint ReadOnlyError = 1;
    internal const uint IoError = 5;
    internal const uint InvalidError = 22;
    internal const uint NoSpaceError = 28;
    internal const uint OverflowError = 75;
    internal const uint NotSupportedError = 95;

    internal const uint UnsupportedOption = ErrorBit + 1;
    internal const uint ForbiddenOption = ErrorBit + 2;
    internal const uint InvalidOption = ErrorBit + 3;
    internal const uint TlsRequired = ErrorBit + 5;
    internal const uint UnknownExport = ErrorBit + 6;

    // Of answers to options.
    private const uint ErrorBit = 1u << 31;

    private readonly Socket _socket;
    private readonly NetworkStream _stream;
    private bool _isStructured;
    private ulong _cookie = 1000;

    internal NbdClient(string path, uint flags = 3)
    {
        _socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        _socket.Connect(new UnixDomainSocketEndPoint(path));
        _socket.ReceiveTimeout = 60_000;
        _stream = new NetworkStream(_socket, ownsSocket: true);
        Greeting = Receive(18);
        Send(Number(flags));
    }

    /// <summary>The server's first words.</summary>
    internal byte[] Greeting { get; }

    /// <summary>Bytes of the export, once it was chosen.</summary>
    internal ulong Size { get; private set; }

    /// <summary>What the export can do.</summary>
    internal ushort Flags { get; private set; }

    internal static byte[] Number(uint value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return bytes;
    }

    internal static byte[] Number(ulong value)
    {
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
        return bytes;
    }

    internal static byte[] Number(ushort value) => [(byte)(value >> 8), (byte)value];

    internal static byte[] Text(string text) => [.. Number((uint)Encoding.UTF8.GetByteCount(text)), .. Encoding.UTF8.GetBytes(text)];

    internal void Send(params byte[][] parts) => _stream.Write(parts.SelectMany(part => part).ToArray());

    internal byte[] Receive(int count)
    {
        byte[] bytes = new byte[count];
        _stream.ReadExactly(bytes);
        return bytes;
    }

    /// <summary>Whether the server hangs up, having sent nothing more.</summary>
    internal bool IsCutOff()
    {
        try
        {
            return _stream.ReadByte() < 0;
        }
        catch (IOException)
        {
            return true;
        }
    }

    /// <summary>Sends an option and returns the answers up to the one that ends them.</summary>
    internal IReadOnlyList<(uint Kind, byte[] Data)> Option(uint option, params byte[][] data)
    {
        byte[] all = data.SelectMany(part => part).ToArray();
        Send("IHAVEOPT"u8.ToArray(), Number(option), Number((uint)all.Length), all);
        var answers = new List<(uint, byte[])>();
        while (true)
        {
            byte[] head = Receive(20);
            if (BinaryPrimitives.ReadUInt64BigEndian(head) != 0x3e889045565a9 || BinaryPrimitives.ReadUInt32BigEndian(head.AsSpan(8)) != option)
                throw new InvalidDataException("This is no answer to the option.");
            uint kind = BinaryPrimitives.ReadUInt32BigEndian(head.AsSpan(12));
            answers.Add((kind, Receive((int)BinaryPrimitives.ReadUInt32BigEndian(head.AsSpan(16)))));
            if (kind == 1 || kind >= ErrorBit)
                return answers;
        }
    }

    internal void StructuredReplies()
    {
        Require(Option(8)[^1].Kind == 1);
        _isStructured = true;
    }

    /// <summary>Chooses metadata contexts and returns their numbers.</summary>
    internal uint[] Contexts(string export, params string[] names)
        => Option(10, [Text(export), Number((uint)names.Length), .. names.Select(Text)])
            .Where(answer => answer.Kind == 4).Select(answer => BinaryPrimitives.ReadUInt32BigEndian(answer.Data)).ToArray();

    /// <summary>Chooses an export.</summary>
    internal void Go(string export = "")
    {
        IReadOnlyList<(uint Kind, byte[] Data)> answers = Option(7, Text(export), Number((ushort)0));
        Require(answers[^1].Kind == 1);
        byte[] info = answers.First(answer => answer.Kind == 3 && answer.Data[1] == 0).Data;
        Size = BinaryPrimitives.ReadUInt64BigEndian(info.AsSpan(2));
        Flags = BinaryPrimitives.ReadUInt16BigEndian(info.AsSpan(10));
    }

    /// <summary>Sends a request without waiting for its reply.</summary>
    internal ulong Request(ushort command, ulong offset, uint length, ushort flags = 0, byte[]? payload = null)
    {
        Send(RequestBytes(command, offset, length, ++_cookie, flags), payload ?? []);
        return _cookie;
    }

    /// <summary>A request as it is sent, without its payload.</summary>
    internal static byte[] RequestBytes(ushort command, ulong offset, uint length, ulong cookie, ushort flags = 0)
        => [.. Number(0x25609513u), .. Number(flags), .. Number(command), .. Number(cookie), .. Number(offset), .. Number(length)];

    /// <summary>Receives one reply that has no data unless it is structured.</summary>
    internal NbdReply Reply(int simpleData = 0) => Reply(_ => simpleData);

    /// <summary>As <see cref="Reply(int)"/>, where what a reply carries depends on the request.</summary>
    /// <param name="simpleData">Bytes of data, by the request's cookie.</param>
    internal NbdReply Reply(Func<ulong, int> simpleData)
    {
        var reply = new NbdReply();
        uint magic = BinaryPrimitives.ReadUInt32BigEndian(Receive(4));
        if (magic == 0x67446698)
        {
            byte[] head = Receive(12);
            reply.Error = BinaryPrimitives.ReadUInt32BigEndian(head);
            reply.Cookie = BinaryPrimitives.ReadUInt64BigEndian(head.AsSpan(4));
            if (reply.Error == 0 && simpleData(reply.Cookie) is > 0 and int count)
                reply.Data = Receive(count);
            return reply;
        }

        while (true)
        {
            Require(magic == 0x668e33ef && _isStructured);
            byte[] head = Receive(16);
            reply.Cookie = BinaryPrimitives.ReadUInt64BigEndian(head.AsSpan(4));
            reply.Add(BinaryPrimitives.ReadUInt16BigEndian(head.AsSpan(2)), Receive((int)BinaryPrimitives.ReadUInt32BigEndian(head.AsSpan(12))));
            if ((head[1] & 1) != 0)
                return reply;
            magic = BinaryPrimitives.ReadUInt32BigEndian(Receive(4));
        }
    }

    internal byte[] Read(ulong offset, int length)
    {
        Request(0, offset, (uint)length);
        NbdReply reply = Reply(_isStructured ? 0 : length);
        Require(reply.Error == 0 && reply.Data.Length == length);
        return reply.Data;
    }

    internal uint Write(ulong offset, byte[] bytes, ushort flags = 0) => Ask(1, offset, (uint)bytes.Length, flags, bytes);

    /// <summary>Sends a request and returns the error of its reply.</summary>
    internal uint Ask(ushort command, ulong offset, uint length, ushort flags = 0, byte[]? payload = null)
    {
        ulong cookie = Request(command, offset, length, flags, payload);
        NbdReply reply = Reply();
        Require(reply.Cookie == cookie);
        return reply.Error;
    }

    public void Dispose() => _stream.Dispose();

    private static void Require(bool condition)
    {
        if (!condition)
            throw new InvalidDataException("The server answered what it should not.");
    }
}
