using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using Qed.Server;
using Qed.Tool.CommandLine;
using Qed.Tool.Output;

namespace Qed.Tool.Commands;

/// <summary><c>qed serve</c>: images as live disks over NBD, with the options of qemu-nbd.</summary>
internal static class ServeCommand
{
    private static readonly CommandOption Port = new('p', "port", "port", "Port to listen on; 10809 where neither port nor socket is given.");
    private static readonly CommandOption Bind = new('b', "bind", "address", "Address or name to listen on; 127.0.0.1, this machine alone, where it is left out.");
    private static readonly CommandOption SocketPath = new('k', "socket", "path", "Listen on a Unix socket.") { NamesFile = true };
    private static readonly CommandOption Format = CommonOptions.Format with { LongName = "format" };
    private static readonly CommandOption Shared = new('e', "shared", "number", "Clients that are served at once; 1 where it is left out.");
    private static readonly CommandOption Persistent = new('t', "persistent", null, "Go on when the last client has left.");
    private static readonly CommandOption Name = new('x', "export-name", "name", "What clients ask for; of several images it is each one's file name.");
    private static readonly CommandOption Description = new('D', "description", "text", "What clients are told about the image.");
    private static readonly CommandOption ReadOnly = new('r', "read-only", null, "Let clients read and not write.");
    private static readonly CommandOption Offset = new('o', "offset", "offset", "Where in the disk the export begins.");
    private static readonly CommandOption Snapshot = new('s', "snapshot", null, "Throw away, at the end, what clients have written.");
    private static readonly CommandOption OverlayFile = CommandOption.WithValue("overlay", "filename", "Write to this QED image, over the one that is served, which stays as it is.") with { NamesFile = true };
    private static readonly CommandOption Stream = CommandOption.Switch("stream", "Copy what nobody writes into the overlay meanwhile, until it stands alone and the image is let go of.");
    private static readonly CommandOption MaxRate = CommandOption.WithValue("max-rate", "bytes", "Read at most so much a second for --stream.");
    private static readonly CommandOption DetectZeroes = CommandOption.WithValue("detect-zeroes", "mode", "'on' or 'unmap': zeroes that are written take no space.") with { Suggestions = ["off", "on", "unmap"] };
    private static readonly CommandOption PidFile = CommandOption.WithValue("pid-file", "path", "Write the number of the process to this file once clients can come.") with { NamesFile = true };

    private static readonly CommandOption Fork = CommandOption.Switch("fork", "Go on in the background, and return once clients can come (Linux).");
    private static readonly CommandOption List = new('L', "list", null, "Serve nothing, but list what the server at the socket, or at the address and port, has to offer.");

    internal static ToolCommand Definition { get; } = new()
    {
        Name = "serve",
        Summary = "Serve images as live disks over NBD, as qemu-nbd does.",
        Operands = "filename...",
        Remarks = "It ends when the last client has left, or at Ctrl+C, which lets requests that have come be answered. QED and raw images can be written; with --overlay or -s those of any format.",
        Options =
        [
            Port, Bind, SocketPath, Shared, Persistent, Name, Description, ReadOnly, Offset, Snapshot, OverlayFile, Stream, MaxRate, DetectZeroes, PidFile, Fork, List,
            .. ServeTls.Options, Format, CommonOptions.Quiet, .. Accepted(), .. Refused(),
        ],
        Run = Run,
    };

    private static IEnumerable<CommandOption> Accepted() =>
    [
        CommandOption.WithValue("cache", "mode", "Accepted, for the same commands to go through: the cache is chosen here."),
        new('n', "nocache", null, "Accepted, for the same commands to go through: the cache is chosen here."),
        CommandOption.WithValue("aio", "mode", "Accepted, for the same commands to go through: how the disk is waited for is chosen here."),
        CommandOption.WithValue("discard", "mode", "Accepted, for the same commands to go through: what is discarded gives its space back."),
        new('A', "allocation-depth", null, "Accepted, for the same commands to go through: clients can always ask which image of a chain has what."),
    ];

    private static IEnumerable<CommandOption> Refused() =>
    [
        CommonOptions.Refuse('c', "connect", "device", "the kernel's client is nbd-client's"),
        CommonOptions.Refuse('d', "disconnect", null, "the kernel's client is nbd-client's"),
        CommonOptions.Refuse(null, "tls-authz", "id", "--tls-verify-peer serves whoever has a certificate that ca-cert.pem has signed"),
        CommonOptions.Refuse(null, "tls-hostname", "name", "lists are read without TLS"),
        CommonOptions.Refuse('B', "bitmap", "name", "images have no dirty bitmaps here"),
        CommonOptions.Refuse('l', "load-snapshot", "snapshot", "snapshots within an image are not read"),
        CommonOptions.Refuse('T', "trace", "events", "-v tells what is done"),
        CommonOptions.Refuse(null, "selinux-label", "label", "systemd makes sockets with labels: let it hand one over"),
        CommonOptions.Refuse(null, "image-opts", null, "images are named by their path"),
    ];

    private static int Run(ParsedArguments arguments, Session session)
    {
        if (arguments.Has(List))
            return ListExports(arguments, session);
        if (arguments.Has(Fork) && !BackgroundProcess.IsThisOne)
        {
            return OperatingSystem.IsWindows()
                ? throw new UsageException("--fork is not there on Windows: Start-QedServer -AsProcess starts a server that outlives its session")
                : BackgroundProcess.Start(session);
        }

        var options = new NbdServerOptions
        {
            Address = AddressOf(arguments),
            MaximumClients = NumberOf(arguments, Shared, 1, 65536, 1),
            IsPersistent = arguments.Has(Persistent),
            Tls = ServeTls.Of(arguments, session),
        };
        var exports = new List<NbdExport>();
        NbdServer server;
        try
        {
            foreach (NbdExportOptions export in ExportsOf(arguments))
                exports.Add(NbdExport.Open(export, session.Logger, session.Cancellation));
            server = new NbdServer(exports, options, session.Logger);
        }
        catch
        {
            exports.ForEach(export => export.Dispose());
            throw;
        }

        using (server)
            Serve(server, arguments.ValueOf(PidFile), session);
        return ExitCode.Success;
    }

    private static int ListExports(ParsedArguments arguments, Session session)
    {
        if (arguments.Operands.Count > 0)
            throw new UsageException("--list asks a server, and serves no image: name its socket (-k), or its address and port (-b, -p)");
        if (ServeTls.Options.Any(arguments.Has))
            throw new UsageException("lists are read without TLS");
        ExportListText.Write(session.Output, NbdExportList.Read(AddressOf(arguments)));
        return ExitCode.Success;
    }

    private static void Serve(NbdServer server, string? pidFile, Session session)
    {
        using var isAnnounced = new ManualResetEventSlim();
        foreach (NbdExport export in server.Exports)
        {
            export.StandsAlone = () =>
            {
                isAnnounced.Wait();
                TellOf(export, session);
            };
        }

        server.Start();
        try
        {
            if (pidFile is not null)
                File.WriteAllText(pidFile, Environment.ProcessId.ToString(CultureInfo.InvariantCulture) + "\n");
            foreach (NbdExport export in server.Exports)
                session.Say($"Serving '{Printable.Text(export.Description)}' at {server.UriOf(export)}");
            // Whoever waits for these lines may do so at the other end of a pipe.
            session.Output.Flush();
            if (BackgroundProcess.IsThisOne)
                BackgroundProcess.BecomeReady(session);
            isAnnounced.Set();
            server.Wait(session.Cancellation);
            server.Stop();
        }
        finally
        {
            isAnnounced.Set();
            if (pidFile is not null)
                File.Delete(pidFile);
        }
    }

    private static void TellOf(NbdExport export, Session session)
    {
        session.Say($"'{Printable.Text(export.Image.Path)}' stands alone: '{Printable.Text(export.Description)}' is not needed any more");
        session.Output.Flush();
    }

    private static NbdAddress AddressOf(ParsedArguments arguments)
    {
        if (NbdAddress.FromServiceManager() is { } activated)
        {
            return arguments.Has(SocketPath) || arguments.Has(Port) || arguments.Has(Bind)
                ? throw new UsageException("the service manager has chosen where it listens, so -k, -p and -b are not to be given")
                : activated;
        }

        if (arguments.ValueOf(SocketPath) is { } path)
        {
            return arguments.Has(Port) || arguments.Has(Bind)
                ? throw new UsageException("a server listens on a Unix socket or on a port, not on both")
                : NbdAddress.Unix(path);
        }

        IPAddress? host = arguments.ValueOf(Bind) is { } text ? HostOf(text) : null;
        return NbdAddress.Tcp(host, NumberOf(arguments, Port, 0, ushort.MaxValue, NbdAddress.DefaultPort));
    }

    private static IPAddress HostOf(string text)
    {
        if (IPAddress.TryParse(text, out IPAddress? address))
            return address;
        // An empty name would stand for any of this machine's.
        return (text.Length > 0 ? TryFind(text) : null)
            ?? throw new UsageException($"'{text}' is no address and no name of one: 0.0.0.0 stands for all of this machine, 127.0.0.1 for this machine alone");
    }

    private static IPAddress? TryFind(string name)
    {
        try
        {
            // Of both kinds clients try both, and all have the older one.
            return Dns.GetHostAddresses(name).OrderBy(found => found.AddressFamily != AddressFamily.InterNetwork).FirstOrDefault();
        }
        catch (Exception error) when (error is SocketException or ArgumentException)
        {
            return null;
        }
    }

    private static IEnumerable<NbdExportOptions> ExportsOf(ParsedArguments arguments)
    {
        if (arguments.Operands.Count == 0)
            throw new UsageException("Expecting image file name", mayHelp: true);
        bool isOne = arguments.Operands.Count == 1;
        if (!isOne && (arguments.Has(Name) || arguments.Has(OverlayFile)))
            throw new UsageException("a name, or an overlay, is for one image: start one server for each");
        if (arguments.Operands.Select(Path.GetFileName).Distinct(StringComparer.Ordinal).Count() < arguments.Operands.Count)
            throw new UsageException("two images have the same name, by which clients tell them apart: start one server for each");
        if (arguments.Has(Snapshot) && arguments.Has(OverlayFile))
            throw new UsageException("an overlay is either kept (--overlay) or thrown away (-s)");
        if (arguments.Has(Stream) && (!arguments.Has(OverlayFile) || arguments.Has(ReadOnly)))
            throw new UsageException("--stream copies into the image of --overlay, which clients write");
        if (arguments.Has(MaxRate) && !arguments.Has(Stream))
            throw new UsageException("--max-rate is for --stream");
        foreach (string operand in arguments.Operands)
        {
            yield return new NbdExportOptions
            {
                Path = FileOperand.PathOf(operand),
                SourceFormat = arguments.ValueOf(Format),
                RawFallback = RawFallback.Anything,
                IsReadOnly = arguments.Has(ReadOnly),
                IsSnapshot = arguments.Has(Snapshot),
                OverlayPath = arguments.ValueOf(OverlayFile),
                IsStreamed = arguments.Has(Stream),
                StreamedBytesPerSecond = CommonOptions.RateOf(arguments, MaxRate),
                Name = isOne ? arguments.ValueOf(Name) ?? string.Empty : Path.GetFileName(operand),
                Description = arguments.ValueOf(Description),
                Offset = arguments.ValueOf(Offset) is { } offset ? SizeText.Require(offset, "offset") : 0,
                DetectZeroes = DetectsZeroes(arguments),
            };
        }
    }

    private static bool DetectsZeroes(ParsedArguments arguments) => arguments.ValueOf(DetectZeroes) switch
    {
        null or "off" => false,
        "on" or "unmap" => true,
        var other => throw new UsageException($"Failed to parse detect_zeroes mode: {other} (expecting 'off', 'on' or 'unmap')"),
    };

    private static int NumberOf(ParsedArguments arguments, CommandOption option, int least, int most, int usual)
    {
        if (arguments.ValueOf(option) is not { } text)
            return usual;
        bool isNumber = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least && number <= most;
        return isNumber ? number : throw new UsageException($"Invalid {option.Spelling} '{text}': {least} to {most} can be given");
    }
}
