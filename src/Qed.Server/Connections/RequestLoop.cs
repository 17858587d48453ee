using System;
using System.Buffers;
using System.Diagnostics;
using Qed.Server.Protocol;

namespace Qed.Server.Connections;

/// <summary>
/// The transmission phase of one connection: the NBD specification, "Transmission". Its thread does what is quick where it has
/// parsed it, and sends replies when it has nothing more to parse; what waits is handed to workers.
/// </summary>
internal sealed class RequestLoop
{
    private readonly RequestInput _input;
    private readonly ReplySender _sender;
    private readonly RequestExecution _execution;
    private readonly RequestWorkers _workers;
    private readonly ClientLog _log;
    private readonly TrafficCounters _traffic;
    private readonly ReadAhead _ahead;
    // Most of what the host was told to begin with is there when it is read, so that a few quick ones say little.
    private readonly Pace _reads = new(quickOnes: 64);
    private readonly Pace _writes = new();
    private readonly Pace _flushes = new(quickOnes: 8);

    internal RequestLoop(RequestInput input, ReplySender sender, RequestExecution execution, ClientLog log, TrafficCounters traffic)
    {
        _input = input;
        _sender = sender;
        _execution = execution;
        _log = log;
        _traffic = traffic;
        _ahead = new ReadAhead(input, execution.Export);
        _workers = new RequestWorkers(execution, sender, log);
    }

    /// <summary>Serves requests until the client leaves, or nothing more comes from it; all are answered then.</summary>
    /// <exception cref="ProtocolException">The client sent what is no request.</exception>
    internal void Run()
    {
        using var replies = new ReplyBuffer(_sender, 2 * RequestInput.Capacity);
        try
        {
            while (!_sender.IsBroken && TryNext(replies, out RequestHeader request))
            {
                Take(request, replies);
                replies.SendIfMuch();
            }
        }
        finally
        {
            replies.Send();
            _workers.End();
        }
    }

    private bool IsMoreWaiting => _input.Buffered >= RequestHeader.Size;

    private bool TryNext(ReplyBuffer replies, out RequestHeader request)
    {
        request = default;
        SendBeforeWaitingFor(RequestHeader.Size, replies);
        if (!_input.TryFill(RequestHeader.Size))
            return false;
        request = RequestHeader.Read(_input.Peek(RequestHeader.Size));
        _input.Take(RequestHeader.Size);
        return request.Command != NbdCommand.Disconnect;
    }

    private void Take(in RequestHeader request, ReplyBuffer replies)
    {
        if (request.HasPayload && request.Length > RequestRules.MaximumTransfer)
            throw new ProtocolException(FormattableString.Invariant($"it wants to write {request.Length} bytes at once, of {RequestRules.MaximumTransfer} at most"));
        _traffic.Add(request);
        if (request.HasPayload)
            SendBeforeWaitingFor((int)request.Length, replies);
        if (RequestRules.Broken(request, _execution.Export, _execution.HasContexts) is { } broken)
        {
            _log.Refused(broken.Reason);
            if (request.HasPayload)
                _input.Skip(request.Length);
            _execution.Refuse(request, broken.Error, broken.Reason, replies);
        }
        else if (request.Command == NbdCommand.Write)
        {
            Write(request, replies);
        }
        else if (request.Command == NbdCommand.Read)
        {
            bool isSmall = request.Length <= replies.MaximumData;
            RunOrHandOver(request, isSmall && (!_reads.IsSlow || !IsMoreWaiting || _ahead.HasBegun(request)), _reads, replies);
        }
        else if (request.Command == NbdCommand.Flush)
        {
            RunOrHandOver(request, isQuick: !_flushes.IsSlow, _flushes, replies);
        }
        else
        {
            // What is behind it should not wait for many entries of tables; without that, nobody waits.
            RunOrHandOver(request, isQuick: !IsMoreWaiting, pace: null, replies);
        }
    }

    private void RunOrHandOver(in RequestHeader request, bool isQuick, Pace? pace, ReplyBuffer replies)
    {
        if (!isQuick)
        {
            _workers.Add(request, payload: null, pace);
            return;
        }

        Run(request, default, pace, replies);
    }

    private void Run(in RequestHeader request, ReadOnlySpan<byte> payload, Pace? pace, ReplyBuffer replies)
    {
        long start = Stopwatch.GetTimestamp();
        _execution.Run(request, payload, replies);
        // What waits no longer should not wait for the next slow one.
        if (pace?.Finished(start, request.Length) == true)
            replies.Send();
    }

    private void Write(in RequestHeader request, ReplyBuffer replies)
    {
        int length = (int)request.Length;
        // Where a flush belongs to it it takes as long as one.
        Pace pace = (request.Flags & CommandFlags.ForceUnitAccess) != 0 ? _flushes : _writes;
        if (length <= RequestInput.Capacity && !pace.IsSlow)
        {
            Run(request, _input.Peek(length), pace, replies);
            _input.Take(length);
            return;
        }

        byte[] payload = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            _input.Read(payload, 0, length);
        }
        catch
        {
            ArrayPool<byte>.Shared.Return(payload);
            throw;
        }

        _workers.Add(request, payload, pace);
    }

    /// <summary>
    /// A client may wait for replies before it sends on. As long as it sends without them they are gathered, which spares both sides a
    /// call of the system for each.
    /// </summary>
    private void SendBeforeWaitingFor(int count, ReplyBuffer replies)
    {
        if (count > RequestInput.Capacity || !_input.HasCome(count))
            replies.Send();
    }
}
