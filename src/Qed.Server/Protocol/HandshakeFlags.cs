using System;

namespace Qed.Server.Protocol;

/// <summary>What server and client say of themselves before the first option; both use the same bits.</summary>
[Flags]
internal enum HandshakeFlags : uint
{
    None = 0,

    /// <summary>The fixed newstyle negotiation, in which an option that is not known gets an answer.</summary>
    FixedNewstyle = 1,

    /// <summary>The 124 zeroes behind the answer to <see cref="NbdOption.ExportName"/> are left out.</summary>
    NoZeroes = 2,
}
