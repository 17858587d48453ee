namespace Qed.Server.Protocol;

/// <summary>The kinds of answers to an option: the NBD specification, "Option reply types".</summary>
internal enum OptionReply : uint
{
    Ack = 1,
    Server = 2,
    Info = 3,
    MetaContext = 4,
    Unsupported = ErrorBit + 1,
    Forbidden = ErrorBit + 2,
    Invalid = ErrorBit + 3,
    TlsRequired = ErrorBit + 5,
    Unknown = ErrorBit + 6,
    ErrorBit = 1u << 31,
}
