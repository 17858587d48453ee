using System.Collections.Generic;
using System.Linq;
using Qed.PowerShell.Pipeline;
using Qed.Server;

namespace Qed.PowerShell.Serving;

/// <summary>What a server is to be: how it listens and what it offers.</summary>
/// <param name="Options">How it listens.</param>
/// <param name="Exports">What it offers.</param>
internal sealed record ServerRequest(NbdServerOptions Options, IReadOnlyList<NbdExportOptions> Exports)
{
    /// <summary>As many as a guest, a backup and nbdcopy's four connections are together, and more.</summary>
    internal const int DefaultClients = 16;

    /// <summary>Serves one image in this process, to this machine, on a port that is free.</summary>
    internal static SessionServer Serve(NbdExportOptions options, WorkItem item, int processId)
    {
        var messages = new ServerMessages();
        messages.TellTo(item.Tell);
        var listening = new NbdServerOptions { Address = NbdAddress.Tcp(port: 0), MaximumClients = DefaultClients, IsPersistent = true };
        NbdExport export = NbdExport.Open(options, messages.Logger, item.Cancellation);
        SessionServer server = new ServerRequest(listening, [options]).Start(new Dictionary<NbdExport, NbdExportOptions> { [export] = options }, messages, processId);
        SessionServers.Add(server);
        messages.TellTo(null);
        return server;
    }

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
