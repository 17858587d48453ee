namespace Qed.Server.Protocol;

/// <summary>What an export can be asked about: the NBD specification, <c>NBD_REP_INFO</c>.</summary>
internal enum ExportInfo : ushort
{
    /// <summary>Size and transmission flags, which are always told.</summary>
    Export = 0,

    /// <summary>The name by which the server knows it.</summary>
    Name = 1,

    /// <summary>What a person is told about it.</summary>
    Description = 2,

    /// <summary>The smallest, the preferred and the largest request.</summary>
    BlockSize = 3,
}
