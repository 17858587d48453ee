using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using Microsoft.Extensions.Logging;
using Qed.Operations;
using Qed.Server;
using Qed.Tests.Support;

namespace Qed.Tests.Server;

/// <summary>A QED image in a folder of its own, served at a Unix socket there.</summary>
internal sealed class ServedDisk : IDisposable
{
    private readonly Listing _log = new();

    internal ServedDisk(long size, Func<NbdServerOptions, NbdServerOptions>? change = null, Func<NbdExportOptions, NbdExportOptions>? export = null)
    {
        CreateImage.Run(new CreateImageOptions { Path = Image, Size = size });
        Start(change, export);
    }

    internal TempFolder Folder { get; } = new();

    internal string Image => Folder["disk.qed"];

    internal string Socket => Folder["socket"];

    internal string Uri => Server.UriOf(Server.Exports[0]);

    internal NbdServer Server { get; private set; } = null!;

    internal ILogger Logger => _log;

    /// <summary>What the server had to say, by level.</summary>
    internal IEnumerable<(LogLevel Level, string Text)> Log => _log.Entries;

    /// <summary>Starts another server on the same image.</summary>
    internal void Start(Func<NbdServerOptions, NbdServerOptions>? change = null, Func<NbdExportOptions, NbdExportOptions>? export = null)
    {
        var options = new NbdServerOptions { Address = NbdAddress.Unix(Socket), MaximumClients = 64, IsPersistent = true };
        var what = new NbdExportOptions { Path = Image };
        Server = new NbdServer([NbdExport.Open(export?.Invoke(what) ?? what)], change?.Invoke(options) ?? options, _log);
        Server.Start();
    }

    internal NbdClient Connect() => new(Socket);

    /// <summary>A client that has chosen the export and understands structured replies.</summary>
    internal NbdClient Attach()
    {
        NbdClient client = Connect();
        client.StructuredReplies();
        client.Go();
        return client;
    }

    public void Dispose()
    {
        Server.Dispose();
        Folder.Dispose();
    }

    private sealed class Listing : ILogger
    {
        internal ConcurrentQueue<(LogLevel Level, string Text)> Entries { get; } = new();

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
            => Entries.Enqueue((logLevel, formatter(state, exception) + exception));
    }
}
