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
            if (TryChange(request, payload))
                replies.AddSimple(request.Cookie, NbdError.None);
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

    /// <summary>Flushes where nobody waits for the answer.</summary>
    internal void FlushQuietly()
    {
        try
        {
            export.Flush();
        }
        catch (DiskImageException error)
        {
            log.Failed(error);
        }
    }

    private bool TryChange(in RequestHeader request, ReadOnlySpan<byte> payload)
    {
        long offset = (long)request.Offset;
        switch (request.Command)
        {
            case NbdCommand.Write:
                export.Write(offset, payload);
                break;
            case NbdCommand.WriteZeroes:
                export.WriteZeroes(offset, request.Length, mayFree: (request.Flags & CommandFlags.NoHole) == 0);
                break;
            case NbdCommand.Trim:
                export.Discard(offset, request.Length);
                break;
            case NbdCommand.Cache:
                ReadIntoCache(offset, request.Length);
                return true;
            case NbdCommand.Flush:
                export.Flush();
                return true;
            default:
                return false;
        }

        if ((request.Flags & CommandFlags.ForceUnitAccess) != 0)
            export.Flush();
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

    private void ReadIntoCache(long offset, long length)
    {
        byte[] scratch = ArrayPool<byte>.Shared.Rent(CachePiece);
        try
        {
            for (long done = 0; done < length;)
            {
                int piece = (int)Math.Min(CachePiece, length - done);
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
