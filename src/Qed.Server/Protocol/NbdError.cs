namespace Qed.Server.Protocol;

/// <summary>The errors that a reply can carry: the NBD specification, "Error values".</summary>
internal enum NbdError : uint
{
    None = 0,
    NotPermitted = 1,
    InputOutput = 5,
    NoMemory = 12,
    Invalid = 22,
    NoSpace = 28,
    Overflow = 75,
    NotSupported = 95,
}
