namespace Qed.Server.Protocol;

/// <summary>The numbers by which each kind of message is known: the NBD specification, "Values".</summary>
internal static class NbdMagic
{
    /// <summary>"NBDMAGIC", the first bytes that a server sends.</summary>
    internal const ulong Server = 0x4e42444d41474943;

    /// <summary>"IHAVEOPT": the newstyle negotiation, and each option in it.</summary>
    internal const ulong Option = 0x49484156454f5054;

    /// <summary>Each answer to an option.</summary>
    internal const ulong OptionReply = 0x0003e889045565a9;

    /// <summary>Each request.</summary>
    internal const uint Request = 0x25609513;

    /// <summary>A reply that is a whole.</summary>
    internal const uint SimpleReply = 0x67446698;

    /// <summary>A piece of a structured reply.</summary>
    internal const uint StructuredReply = 0x668e33ef;
}
