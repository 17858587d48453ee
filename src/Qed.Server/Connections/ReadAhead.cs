using System;
using System.Diagnostics;
using Qed.Server.Exports;
using Qed.Server.Protocol;

namespace Qed.Server.Connections;

/// <summary>
/// Has the host begin with what the requests that have come will read, so that its disk works on all of them while the first is
/// waited for: one thread then reads as fast as many would, and none has to be woken. For one thread.
/// </summary>
/// <param name="input">Where requests come from.</param>
/// <param name="export">What they read.</param>
internal sealed class ReadAhead(RequestInput input, ExportAccess export)
{
    // Where, in all that the client sends, the first request lies that was not looked at,
    private long _end;

    // and up to where they are better handed over.
    private long _slowEnd;

    /// <summary>
    /// How long it may take for each request to tell the host, as the stop watch counts. What takes longer reads tables first, one
    /// after the other, where threads would read them beside each other.
    /// </summary>
    internal long MostTicks { get; init; } = Pace.SlowTicks;

    /// <summary>Whether the host has begun to read what a request wants. Looks at those behind it as well.</summary>
    /// <param name="request">A sound one that has just been taken.</param>
    internal bool HasBegun(in RequestHeader request)
    {
        long start = input.Taken - RequestHeader.Size;
        if (start >= _end)
        {
            _end = input.Taken;
            long begin = Stopwatch.GetTimestamp();
            int begun = 0;
            bool isBegun = TryBegin(request, ref begun) && TryBeginWaiting(ref begun);
            if (!isBegun || Stopwatch.GetTimestamp() - begin > MostTicks * begun)
                _slowEnd = _end = input.Taken + input.Buffered;
        }

        return start >= _slowEnd;
    }

    private bool TryBeginWaiting(ref int begun)
    {
        ReadOnlySpan<byte> waiting = input.Waiting;
        long next = 0;
        while (next <= waiting.Length - RequestHeader.Size && RequestHeader.TryRead(waiting.Slice((int)next), out RequestHeader request))
        {
            if (request.Command == NbdCommand.Read && !TryBegin(request, ref begun))
                return false;
            next += RequestHeader.Size + (request.HasPayload ? request.Length : 0);
        }

        _end = input.Taken + next;
        return true;
    }

    private bool TryBegin(in RequestHeader request, ref int begun)
    {
        begun++;
        return RequestRules.Broken(request, export, hasContexts: false) is null && export.TryReadAhead((long)request.Offset, request.Length);
    }
}
