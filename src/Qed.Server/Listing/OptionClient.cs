using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using Qed.Server.Protocol;

namespace Qed.Server.Listing;

/// <summary>
/// The client's side of the negotiation, as far as asking what there is: the NBD specification, "Handshake". What a server says
/// is bounded.
/// </summary>
/// <param name="stream">The connection.</param>
internal sealed class OptionClient(Stream stream)
{
    private const int GreetingSize = 18;
    private const int AnswerHeadSize = 20;
    private const int MaximumAnswer = 64 << 10;
    private const int MostAnswers = 10_000;

    internal static byte[] Number(uint value)
    {
        byte[] bytes = new byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return bytes;
    }

    /// <summary>Hears what kind of server it is, and answers.</summary>
    /// <exception cref="ProtocolException">None with which anything could be negotiated.</exception>
    internal void Greet()
    {
        byte[] greeting = Receive(GreetingSize);
        if (BinaryPrimitives.ReadUInt64BigEndian(greeting) != NbdMagic.Server)
            throw new ProtocolException("it greets with something else");
        var flags = (HandshakeFlags)BinaryPrimitives.ReadUInt16BigEndian(greeting.AsSpan(16));
        if (BinaryPrimitives.ReadUInt64BigEndian(greeting.AsSpan(8)) != NbdMagic.Option || (flags & HandshakeFlags.FixedNewstyle) == 0)
            throw new ProtocolException("it has one export and no way to tell of it");
        Send(Number((uint)(flags & (HandshakeFlags.FixedNewstyle | HandshakeFlags.NoZeroes))));
    }

    /// <summary>Asks for an option.</summary>
    /// <returns>All that the server answers before it acknowledges; null where it refuses.</returns>
    /// <exception cref="DiskImageException">UnsupportedFeature: it talks within TLS only.</exception>
    internal IReadOnlyList<OptionAnswer>? TryAsk(NbdOption option, byte[] data)
    {
        Send(option, data);
        var answers = new List<OptionAnswer>();
        while (answers.Count < MostAnswers)
        {
            OptionAnswer answer = ReceiveAnswer(option);
            if (answer.Kind == OptionReply.TlsRequired)
                throw new DiskImageException(ErrorKind.UnsupportedFeature, "the server talks to nobody without TLS: nbdinfo --list asks within it");
            if (answer.Kind == OptionReply.Ack)
                return answers;
            if (answer.Kind >= OptionReply.ErrorBit)
                return null;
            answers.Add(answer);
        }

        throw new ProtocolException("it answers without end");
    }

    /// <summary>Says goodbye; nobody waits for the answer.</summary>
    internal void Leave() => Send(NbdOption.Abort, []);

    private OptionAnswer ReceiveAnswer(NbdOption option)
    {
        byte[] head = Receive(AnswerHeadSize);
        uint length = BinaryPrimitives.ReadUInt32BigEndian(head.AsSpan(16));
        if (BinaryPrimitives.ReadUInt64BigEndian(head) != NbdMagic.OptionReply || BinaryPrimitives.ReadUInt32BigEndian(head.AsSpan(8)) != (uint)option || length > MaximumAnswer)
            throw new ProtocolException("it answers something else than it was asked");
        return new OptionAnswer((OptionReply)BinaryPrimitives.ReadUInt32BigEndian(head.AsSpan(12)), Receive((int)length));
    }

    private void Send(NbdOption option, byte[] data)
    {
        byte[] magic = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(magic, NbdMagic.Option);
        Send([.. magic, .. Number((uint)option), .. Number((uint)data.Length), .. data]);
    }

    private void Send(byte[] bytes) => stream.Write(bytes, 0, bytes.Length);

    private byte[] Receive(int count)
    {
        byte[] bytes = new byte[count];
        for (int have = 0; have < count;)
        {
            int read = stream.Read(bytes, have, count - have);
            have += read > 0 ? read : throw new EndOfStreamException("it hung up");
        }

        return bytes;
    }
}
