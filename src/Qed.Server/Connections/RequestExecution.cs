using System;
using System.Buffers;
using System.Collections.Generic;
using System.Linq;
using Qed.Server.Exports;
using Qed.Server.Protocol;

namespace Qed.Server.Connections;

/// <summary>Does what one client's requests ask for, and words the replies. Threads may share it.</summary>
/// <param name="export">What they are about.</param>
/// <param name="isStructured">Whether the client understands replies of several chunks.</param>
/// <param name="contexts">What block status is told of.</param>
/// <param name="log">Hears of what fails.</param>
internal sealed class RequestExecution(ExportAccess export, bool isStructured, IReadOnlyList<MetadataContext> contexts, ClientLog log)
{
    // Less is sent sooner than it is looked for in the tables.
    private const int SmallestHole = 64 << 10;

    private const int CachePiece = 256 << 10;

    // Where zeroes have to take space they are written in pieces of this size.
    private const int ZeroPiece = 1 << 20;

    private static readonly byte[] Zeroes = new byte[ZeroPiece];

    internal ExportAccess Export => export;

    internal bool HasContexts => contexts.Count > 0;

    /// <summary>Does what a request asks for and adds its reply.</summary>
    /// <param name="request">A request that <see cref="RequestRules"/> allow.</param>
    /// <param name="payload">What it brought along.</param>
    /// <param name="replies">Has room for its reply.</param>
    internal void Run(in RequestHeader request, ReadOnlySpan<byte> payload, ReplyBuffer replies)
    {
        try
        {
            if (Change(request, payload, replies) is { } outcome)
                replies.AddSimple(request.Cookie, outcome);
            else if (request.Command == NbdCommand.Read)
                Read(request, replies);
            else
                TellStatus(request, replies);
        }
        catch (DiskImageException error)
        {
            log.Failed(error);
            Refuse(request, Of(error.Kind), error.Message, replies);
        }
        catch (OutOfMemoryException)
        {
            Refuse(request, NbdError.NoMemory, "the server is out of memory", replies);
        }
        catch (Exception fault)
        {
            // One request has failed; the disks of all others have not.
            log.Fault(fault);
            Refuse(request, NbdError.InputOutput, "the server met a fault of its own", replies);
        }
    }

    /// <summary>Refuses a request that breaks a rule.</summary>
    internal void Refuse(in RequestHeader request, NbdError error, string reason, ReplyBuffer replies)
    {
        if (isStructured && request.Command is NbdCommand.Read or NbdCommand.BlockStatus)
            replies.AddError(request.Cookie, error, reason);
        else
            replies.AddSimple(request.Cookie, error);
    }

    /// <summary>Flushes what clients have written since the last flush, where nobody waits for the answer.</summary>
    internal void FlushWhatWaits()
    {
        try
        {
            if (export.IsUnflushed)
                export.Flush();
        }
        catch (DiskImageException error)
        {
            log.Failed(error);
        }
    }

    /// <summary>Does a request whose reply carries nothing.</summary>
    /// <returns>What is replied; null where it is another request.</returns>
    private NbdError? Change(in RequestHeader request, ReadOnlySpan<byte> payload, ReplyBuffer replies)
    {
        long offset = (long)request.Offset;
        switch (request.Command)
        {
            case NbdCommand.Write:
                export.Write(offset, payload);
                break;
            case NbdCommand.WriteZeroes:
                if (!TryWriteZeroes(request, replies))
                    return NbdError.NotSupported;
                break;
            case NbdCommand.Trim:
                export.Discard(offset, request.Length);
                break;
            case NbdCommand.Cache:
                ReadIntoCache(offset, (int)Math.Min(request.Length, RequestRules.MaximumTransfer));
                return NbdError.None;
            case NbdCommand.Flush:
                export.Flush();
                return NbdError.None;
            default:
                return null;
        }

        if ((request.Flags & CommandFlags.ForceUnitAccess) != 0)
            export.Flush();
        return NbdError.None;
    }

    /// <summary>Makes a range zeroes.</summary>
    /// <returns>False where the client wants it done quickly or not at all, and it takes writing.</returns>
    private bool TryWriteZeroes(in RequestHeader request, ReplyBuffer replies)
    {
        bool takesSpace = (request.Flags & CommandFlags.NoHole) != 0;
        if ((request.Flags & CommandFlags.FastZero) != 0)
            return !takesSpace && export.TryWriteZeroesQuickly((long)request.Offset, request.Length);
        if (!takesSpace)
        {
            export.WriteZeroes((long)request.Offset, request.Length);
            return true;
        }

        // Gigabytes take long, and nobody waits for them once the connection has ended.
        for (long done = 0; done < request.Length && !replies.IsLost;)
        {
            int piece = (int)Math.Min(ZeroPiece, request.Length - done);
            export.Write((long)request.Offset + done, Zeroes.AsSpan(0, piece));
            done += piece;
        }

        return true;
    }

    private void Read(in RequestHeader request, ReplyBuffer replies)
    {
        long offset = (long)request.Offset;
        int length = (int)request.Length;
        if (isStructured && length >= SmallestHole && export.IsHole(offset, length))
        {
            replies.AddHole(request.Cookie, request.Offset, request.Length);
            return;
        }

        export.Read(offset, replies.ReserveData(length, isStructured));
        replies.AddData(request.Cookie, request.Offset, length, isStructured);
    }

    private void TellStatus(in RequestHeader request, ReplyBuffer replies)
    {
        int maximum = (request.Flags & CommandFlags.RequestOne) != 0 ? 1 : BlockStatus.MostExtents;
        BlockStatus[] answers = contexts.Select(context => new BlockStatus(context, maximum)).ToArray();
        // Where one has no room any more the others may go on: each tells as much as it can, and a client asks for the rest.
        var open = new List<BlockStatus>(answers);
        foreach (MappedExtent extent in export.Extents((long)request.Offset, request.Length))
        {
            open.RemoveAll(answer => !answer.TryAdd(extent));
            if (open.Count == 0)
                break;
        }

        for (int i = 0; i < answers.Length; i++)
            replies.AddBlockStatus(request.Cookie, answers[i].Context.Number, answers[i].ToBytes(), isLast: i == answers.Length - 1);
    }

    /// <summary>Reads for nobody: a hint, of which no more is heeded than one request could read.</summary>
    private void ReadIntoCache(long offset, int length)
    {
        byte[] scratch = ArrayPool<byte>.Shared.Rent(CachePiece);
        try
        {
            for (int done = 0; done < length;)
            {
                int piece = Math.Min(CachePiece, length - done);
                export.Read(offset + done, scratch.AsSpan(0, piece));
                done += piece;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(scratch);
        }
    }

    private static NbdError Of(ErrorKind kind) => kind switch
    {
        ErrorKind.NotEnoughSpace => NbdError.NoSpace,
        _ => NbdError.InputOutput,
    };
}
