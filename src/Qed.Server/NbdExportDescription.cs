using System.Collections.Generic;

namespace Qed.Server;

/// <summary>What a server says of one of its exports: see <see cref="NbdExportList"/>.</summary>
public sealed record NbdExportDescription
{
    /// <summary>What clients ask for.</summary>
    public required string Name { get; init; }

    /// <summary>What a person is told about it; empty for nothing.</summary>
    public string Description { get; init; } = string.Empty;

    /// <summary>Bytes of the disk; null where the server does not tell before it is used.</summary>
    public long? Size { get; init; }

    /// <summary>What it can do: the NBD specification, "Transmission flags".</summary>
    public int Flags { get; init; }

    /// <summary>The smallest request in bytes; 0 where the server does not tell.</summary>
    public long MinimumRequest { get; init; }

    /// <summary>The request in bytes that it does best; 0 where the server does not tell.</summary>
    public long PreferredRequest { get; init; }

    /// <summary>The largest request in bytes; 0 where the server does not tell.</summary>
    public long MaximumRequest { get; init; }

    /// <summary>What block status can be told of.</summary>
    public IReadOnlyList<string> MetadataContexts { get; init; } = [];
}
