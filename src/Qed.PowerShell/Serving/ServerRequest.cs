using System.Collections.Generic;
using System.Linq;
using Qed.Server;

namespace Qed.PowerShell.Serving;

/// <summary>What a server is to be: how it listens and what it offers.</summary>
/// <param name="Options">How it listens.</param>
/// <param name="Exports">What it offers.</param>
internal sealed record ServerRequest(NbdServerOptions Options, IReadOnlyList<NbdExportOptions> Exports)
{
    /// <summary>Starts it in this process, with exports that are open. Whatever comes of it, they are the server's.</summary>
    internal SessionServer Start(IReadOnlyDictionary<NbdExport, NbdExportOptions> exports, ServerMessages messages, int processId)
    {
        NbdServer server;
        try
        {
            server = new NbdServer(Exports.Select(options => exports.First(export => export.Value == options).Key), Options, messages.Logger);
        }
        catch
        {
            foreach (NbdExport export in exports.Keys)
                export.Dispose();
            throw;
        }

        try
        {
            server.Start();
            return new SessionServer(server, ServerDescription.Of(server, exports, processId), messages);
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }
}
