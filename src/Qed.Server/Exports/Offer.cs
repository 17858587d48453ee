using System;
using System.Collections.Generic;
using System.Linq;

namespace Qed.Server.Exports;

/// <summary>What a server offers its clients, and how they have to come.</summary>
internal sealed class Offer
{
    private readonly Dictionary<string, ExportAccess> _byName;

    internal Offer(IEnumerable<NbdExport> exports, bool takesSeveral, NbdTls? tls)
    {
        _byName = exports.ToDictionary(export => export.Name, export => new ExportAccess(export, takesSeveral), StringComparer.Ordinal);
        Identity = tls?.Load();
        RequiresTls = tls is { IsRequired: true };
    }

    /// <summary>All exports.</summary>
    internal IReadOnlyCollection<ExportAccess> Exports => _byName.Values;

    /// <summary>What connections are encrypted with; null where they are not.</summary>
    internal NbdTlsIdentity? Identity { get; }

    /// <summary>Whether nothing is said in the open.</summary>
    internal bool RequiresTls { get; }

    /// <summary>The export of a name; null where there is none.</summary>
    internal ExportAccess? Find(string name) => _byName.TryGetValue(name, out ExportAccess? export) ? export : null;
}
