using System;

namespace Qed.Server.Protocol;

/// <summary>How a request is to be done: the NBD specification, "Command flags".</summary>
[Flags]
internal enum CommandFlags : ushort
{
    None = 0,

    /// <summary>What was written is on stable storage before the reply.</summary>
    ForceUnitAccess = 1 << 0,

    /// <summary>Zeroes take the space that data would.</summary>
    NoHole = 1 << 1,

    /// <summary>The data comes in one chunk.</summary>
    DontFragment = 1 << 2,

    /// <summary>One extent of each context is told.</summary>
    RequestOne = 1 << 3,

    /// <summary>Zeroes that would take as long as data are refused.</summary>
    FastZero = 1 << 4,
}
