namespace Qed.Tests.Server;

/// <summary>What clients send for commands and their flags, by the NBD specification and not by the server's code.</summary>
internal static class NbdNumbers
{
    internal const ushort ReadCommand = 0;
    internal const ushort WriteCommand = 1;
    internal const ushort Disconnect = 2;
    internal const ushort FlushCommand = 3;
    internal const ushort Trim = 4;
    internal const ushort Cache = 5;
    internal const ushort WriteZeroes = 6;
    internal const ushort BlockStatus = 7;

    internal const ushort Fua = 1;
    internal const ushort NoHole = 2;
    internal const ushort DontFragment = 4;
    internal const ushort RequestOne = 8;
    internal const ushort FastZero = 16;
}
