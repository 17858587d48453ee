namespace Qed.Server.Protocol;

/// <summary>What a chunk of a structured reply holds: the NBD specification, "Structured reply types".</summary>
internal enum ReplyKind : ushort
{
    OffsetData = 1,
    OffsetHole = 2,
    BlockStatus = 5,
    Error = (1 << 15) + 1,
}
