using System;
using Qed.Server.Exports;
using Qed.Server.Protocol;

namespace Qed.Server.Connections;

/// <summary>What a request must keep to, whatever the image says: the NBD specification, "Request types".</summary>
internal static class RequestRules
{
    /// <summary>The most bytes that one request reads or writes, as clients are told.</summary>
    internal const int MaximumTransfer = 32 << 20;

    /// <summary>Why a request is refused; null where it is not.</summary>
    internal static (NbdError Error, string Reason)? Broken(in RequestHeader request, ExportAccess export, bool hasContexts)
    {
        if ((request.Flags & ~Allowed(request.Command)) != 0)
            return (NbdError.Invalid, FormattableString.Invariant($"command {request.Command} with the flags 0x{(int)request.Flags:x}"));
        return request.Command switch
        {
            NbdCommand.Read or NbdCommand.Cache => BrokenRange(request, export, NbdError.Invalid),
            NbdCommand.Write or NbdCommand.WriteZeroes or NbdCommand.Trim => export.IsReadOnly
                ? (NbdError.NotPermitted, "the export is read-only")
                : BrokenRange(request, export, NbdError.NoSpace),
            NbdCommand.BlockStatus => BrokenStatus(request, export, hasContexts),
            NbdCommand.Flush => null,
            _ => (NbdError.Invalid, FormattableString.Invariant($"command {(int)request.Command} is not known")),
        };
    }

    private static CommandFlags Allowed(NbdCommand command) => command switch
    {
        NbdCommand.Read => CommandFlags.ForceUnitAccess | CommandFlags.DontFragment,
        NbdCommand.WriteZeroes => CommandFlags.ForceUnitAccess | CommandFlags.NoHole | CommandFlags.FastZero,
        NbdCommand.BlockStatus => CommandFlags.ForceUnitAccess | CommandFlags.RequestOne,
        // It has no meaning with most commands, and the specification lets clients set it all the same.
        _ => CommandFlags.ForceUnitAccess,
    };

    private static (NbdError Error, string Reason)? BrokenRange(in RequestHeader request, ExportAccess export, NbdError beyondEnd)
    {
        bool movesData = request.Command is NbdCommand.Read or NbdCommand.Write;
        if (request.Length == 0)
            return (NbdError.Invalid, "a range of no bytes");
        if (request.Offset > (ulong)export.Length || request.Length > (ulong)export.Length - request.Offset)
            return (beyondEnd, FormattableString.Invariant($"{request.Length} bytes at {request.Offset}, of {export.Length}"));
        return movesData && request.Length > MaximumTransfer
            ? (NbdError.Overflow, FormattableString.Invariant($"{request.Length} bytes in one request, of {MaximumTransfer} at most"))
            : null;
    }

    private static (NbdError Error, string Reason)? BrokenStatus(in RequestHeader request, ExportAccess export, bool hasContexts)
        => hasContexts ? BrokenRange(request, export, NbdError.Invalid) : (NbdError.Invalid, "block status without a metadata context");
}
