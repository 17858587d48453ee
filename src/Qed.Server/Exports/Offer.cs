using System;
using System.Collections.Generic;
using System.Linq;
using Qed.Server.Security;

namespace Qed.Server.Exports;

/// <summary>What a server offers its clients, and how they have to come.</summary>
internal sealed class Offer
{
    private readonly Dictionary<string, ExportAccess> _byName;

    internal Offer(IEnumerable<NbdExport> exports, bool takesSeveral, TlsIdentity? identity)
    {
        _byName = exports.ToDictionary(export => export.Name, export => new ExportAccess(export, takesSeveral), StringComparer.Ordinal);
        Identity = identity;
    }

    /// <summary>All exports.</summary>
    internal IReadOnlyCollection<ExportAccess> Exports => _byName.Values;

    /// <summary>What connections are encrypted with; null where they are not.</summary>
    internal TlsIdentity? Identity { get; }

    /// <summary>The export of a name; null where there is none.</summary>
    internal ExportAccess? Find(string name) => _byName.TryGetValue(name, out ExportAccess? export) ? export : null;
}
