using System;

namespace Qed.Server.Protocol;

/// <summary>What an export can do: the NBD specification, "Transmission flags".</summary>
[Flags]
internal enum TransmissionFlags : ushort
{
    HasFlags = 1 << 0,
    ReadOnly = 1 << 1,
    SendFlush = 1 << 2,
    SendFua = 1 << 3,
    SendTrim = 1 << 5,
    SendWriteZeroes = 1 << 6,
    SendDontFragment = 1 << 7,

    /// <summary>Any connection sees what another one has written, and a flush is everybody's.</summary>
    CanMultiConnect = 1 << 8,
    SendCache = 1 << 10,
    SendFastZero = 1 << 11,
}
