namespace Qed.Server.Protocol;

/// <summary>What a client can ask for while both negotiate: the NBD specification, "Option types".</summary>
internal enum NbdOption : uint
{
    /// <summary>Begins the transmission, with no way to answer an error but to hang up.</summary>
    ExportName = 1,

    /// <summary>Ends the negotiation and the connection.</summary>
    Abort = 2,

    /// <summary>Asks for the names of the exports.</summary>
    List = 3,

    /// <summary>Goes on within TLS.</summary>
    StartTls = 5,

    /// <summary>Asks what <see cref="Go"/> would say.</summary>
    Info = 6,

    /// <summary>Begins the transmission.</summary>
    Go = 7,

    /// <summary>Allows replies of several chunks.</summary>
    StructuredReply = 8,

    /// <summary>Asks which metadata contexts an export has.</summary>
    ListMetaContext = 9,

    /// <summary>Chooses the metadata contexts that block status is told in.</summary>
    SetMetaContext = 10,
}
