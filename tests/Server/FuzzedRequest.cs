using System;
using static Qed.Tests.Server.NbdNumbers;

namespace Qed.Tests.Server;

/// <summary>A request whose fields are what they happen to be, and what the NBD specification has it answered with.</summary>
internal sealed record FuzzedRequest(ushort Command, ushort Flags, ulong Offset, uint Length, byte[]? Payload)
{
    private uint ExpectedError { get; init; }

    /// <summary>Whether the disk is another one afterwards.</summary>
    internal bool Changes => ExpectedError == 0 && Command is WriteCommand or Trim or WriteZeroes;

    internal static FuzzedRequest Make(Random random, int size, bool hasContexts)
    {
        // One that says goodbye is none.
        ushort command = random.Next(20) == 0 ? (ushort)random.Next(8, 65536) : new ushort[] { ReadCommand, WriteCommand, FlushCommand, Trim, Cache, WriteZeroes, BlockStatus }[random.Next(7)];
        ushort flags = random.Next(3) == 0 ? (ushort)random.Next(random.Next(2) == 0 ? 32 : 65536) : (ushort)0;
        ulong offset = random.Next(5) == 0 ? (ulong)random.NextInt64() * 2 : (ulong)random.Next(size);
        uint length = random.Next(6) switch
        {
            0 => 0,
            1 => (uint)random.NextInt64(uint.MaxValue),
            _ => (uint)random.Next(1, 100_000),
        };
        byte[]? payload = null;
        if (command == WriteCommand)
        {
            payload = new byte[length % 10_000];
            length = (uint)payload.Length;
            random.NextBytes(payload);
        }

        var request = new FuzzedRequest(command, flags, offset, length, payload);
        return request with { ExpectedError = request.ErrorBy((ulong)size, hasContexts) };
    }

    /// <summary>Whether a reply is one that the specification allows, which changes the model where the request has been done.</summary>
    internal bool IsAnsweredBy(NbdReply reply, byte[] model)
    {
        if (reply.Error != ExpectedError)
            return Command == WriteZeroes && (Flags & FastZero) != 0 && reply.Error == NbdClient.NotSupportedError && ExpectedError == 0;
        if (reply.Error != 0)
            return true;
        Span<byte> range = Command == FlushCommand ? default : model.AsSpan((int)Offset, (int)Length);
        switch (Command)
        {
            case ReadCommand:
                return reply.Data.AsSpan().SequenceEqual(range);
            case WriteCommand:
                Payload.CopyTo(range);
                return true;
            case Trim or WriteZeroes:
                range.Clear();
                return (Flags & (NoHole | FastZero)) != (NoHole | FastZero) || Command == Trim;
            default:
                return true;
        }
    }

    private uint ErrorBy(ulong size, bool hasContexts)
    {
        int allowed = Command switch
        {
            ReadCommand => Fua | DontFragment,
            WriteZeroes => Fua | NoHole | FastZero,
            BlockStatus => Fua | RequestOne,
            _ => Fua,
        };
        if (Command > BlockStatus || (Flags & ~allowed) != 0 || (Command == BlockStatus && !hasContexts))
            return NbdClient.InvalidError;
        if (Command == FlushCommand)
            return 0;
        if (Length == 0)
            return NbdClient.InvalidError;
        bool isInside = Offset <= size && Length <= size - Offset;
        return isInside ? 0 : Command is WriteCommand or Trim or WriteZeroes ? NbdClient.NoSpaceError : NbdClient.InvalidError;
    }
}
