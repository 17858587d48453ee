using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Net;
using Qed.PowerShell.Binding;
using Qed.PowerShell.Pipeline;
using Qed.PowerShell.Serving;
using Qed.Server;

namespace Qed.PowerShell.Commands;

/// <summary>Serves disk images as live disks over NBD.</summary>
[Cmdlet(VerbsLifecycle.Start, "QedServer", DefaultParameterSetName = LiteralPathSet, SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium, HelpUri = HelpPage.Folder + "Start-QedServer.md")]
[OutputType(typeof(ImageServer))]
public sealed class StartQedServerCommand : SourceCmdlet
{
    private readonly List<NbdExportOptions> _wanted = [];
    private readonly Dictionary<NbdExport, NbdExportOptions> _open = [];
    private readonly ServerMessages _messages = new();

    /// <summary>The address of this machine to listen on; 127.0.0.1, which this machine alone can reach, otherwise.</summary>
    [Parameter]
    [Alias("BindAddress")]
    [BlankIsAbsent]
    public string? Address { get; set; }

    /// <summary>The port; one that is free otherwise.</summary>
    [Parameter]
    [BlankIsAbsent]
    [Bounds(0, ushort.MaxValue)]
    public int? Port { get; set; }

    /// <summary>A Unix socket to listen on in place of a port, a literal path.</summary>
    [Parameter]
    [BlankIsAbsent]
    public string? SocketPath { get; set; }

    /// <summary>Clients that are served at once.</summary>
    [Parameter]
    [BlankIsAbsent]
    [Bounds(1, 65536)]
    public int? MaximumClients { get; set; }

    /// <summary>A folder with server-cert.pem and server-key.pem, with which connections are encrypted.</summary>
    [Parameter]
    [BlankIsAbsent]
    public string? CertificatePath { get; set; }

    /// <summary>Serves only clients with a certificate that ca-cert.pem of that folder has signed.</summary>
    [Parameter]
    public SwitchParameter RequireClientCertificate { get; set; }

    /// <summary>What clients ask for; nothing of a single image, and of several each one's file name otherwise.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [BlankIsAbsent]
    public string? ExportName { get; set; }

    /// <summary>What clients are told about the image; its path otherwise.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [BlankIsAbsent]
    public string? Description { get; set; }

    /// <summary>A QED image, new or one that rests on the image, that takes what clients write; the image itself stays as it is. A literal path.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [BlankIsAbsent]
    public string? OverlayPath { get; set; }

    /// <summary>Copies what clients do not write into the overlay meanwhile, until it stands alone and the image is let go of.</summary>
    [Parameter]
    public SwitchParameter Stream { get; set; }

    /// <summary>How fast each image is read for -Stream at most.</summary>
    [Parameter]
    [BlankIsAbsent]
    [Bounds(1, long.MaxValue)]
    public long? MaximumBytesPerSecond { get; set; }

    /// <summary>Throws away, at the end, what clients have written.</summary>
    [Parameter]
    public SwitchParameter Snapshot { get; set; }

    /// <summary>Lets clients read and not write.</summary>
    [Parameter]
    public SwitchParameter ReadOnly { get; set; }

    /// <summary>Gives the space of clusters back into which clients write zeroes.</summary>
    [Parameter]
    public SwitchParameter DetectZeroes { get; set; }

    /// <summary>Serves from a process of its own, which goes on when this one ends.</summary>
    [Parameter]
    public SwitchParameter AsProcess { get; set; }

    /// <summary>Returns only when the server has been stopped.</summary>
    [Parameter]
    public SwitchParameter Wait { get; set; }

    private protected override void CheckParameters()
    {
        if (SocketPath is not null && (Port is not null || Address is not null))
            RefuseParameters("AmbiguousParameterSet", "-SocketPath excludes -Port and -Address: a server listens on one of the two.");
        if (OverlayPath is not null && Snapshot)
            RefuseParameters("AmbiguousParameterSet", "-OverlayPath and -Snapshot exclude each other: what clients write is kept or thrown away.");
        if (Stream && (OverlayPath is null || ReadOnly))
            RefuseParameters("AmbiguousParameterSet", "-Stream copies into the image of -OverlayPath, which clients write.");
        if (MaximumBytesPerSecond is not null && !Stream)
            RefuseParameters("AmbiguousParameterSet", "-MaximumBytesPerSecond is for -Stream.");
        if (AsProcess && Wait)
            RefuseParameters("AmbiguousParameterSet", "-AsProcess and -Wait exclude each other.");
        if (RequireClientCertificate && CertificatePath is null)
            RefuseParameters("MissingMandatoryParameter", "-RequireClientCertificate goes by the certificates in the folder of -CertificatePath; give that too.");
        if (Address is not null && !IPAddress.TryParse(Address, out _))
            RefuseParameters("ParameterArgumentValidationError", $"'{Address}' is no address: 0.0.0.0 stands for all of this machine, 127.0.0.1 for this machine alone.");
    }

    private protected override void ProcessImage(string path)
    {
        path = PathResolver.FullPath(path);
        var options = new NbdExportOptions
        {
            Path = path,
            SourceFormat = SourceFormat,
            RawFallback = RawFallback.Recognised,
            IsReadOnly = ReadOnly,
            IsSnapshot = Snapshot,
            OverlayPath = OverlayPath is null ? null : PathResolver.FullPath(Resolver.ResolveLiteral(OverlayPath)),
            Name = ExportName ?? string.Empty,
            Description = Description,
            DetectZeroes = DetectZeroes,
            IsStreamed = Stream,
            StreamedBytesPerSecond = MaximumBytesPerSecond,
        };
        string how = ReadOnly ? " for reading" : Snapshot ? ", and throw away what is written" : options.OverlayPath is { } overlay ? $", and write to '{overlay}'{(Stream ? ", which comes to stand alone" : string.Empty)}" : string.Empty;
        if (ShouldProcess(path, $"Serve over NBD at {Place}{how}"))
            _wanted.Add(options);
    }

    private protected override void CompleteInput()
    {
        if (_wanted.Count > 1)
            NameApart();
        foreach (NbdExportOptions options in _wanted)
            Start(options.Path, item => Open(options, item));
        AwaitWork();
        if (_open.Count == 0)
            return;
        var request = new ServerRequest(ServerOptions, [.. _wanted.Where(_open.ContainsValue)]);
        bool asProcess = AsProcess;
        bool wait = Wait;
        int processId = (int)GetVariableValue("PID");
        var process = new PowerShellProcess((string)GetVariableValue("PSHOME"));
        Start(request.Exports[0].Path, item =>
        {
            if (asProcess)
                ServeElsewhere(request, process, item);
            else
                ServeHere(request, processId, wait, item);
        });
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        _messages.TellTo(null);
        if (disposing)
            TakeOpen().Keys.ToList().ForEach(export => export.Dispose());
    }

    private string Place => SocketPath is not null ? $"'{SocketPath}'" : $"{Address ?? "127.0.0.1"}, {(Port is > 0 ? $"port {Port}" : "a free port")}";

    private NbdServerOptions ServerOptions => new()
    {
        Address = SocketPath is not null
            ? NbdAddress.Unix(PathResolver.FullPath(Resolver.ResolveLiteral(SocketPath)))
            : NbdAddress.Tcp(Address is null ? null : IPAddress.Parse(Address), Port ?? 0),
        MaximumClients = MaximumClients ?? ServerRequest.DefaultClients,
        IsPersistent = true,
        Tls = CertificatePath is null ? null : new NbdCertificates
        {
            CertificateFolder = PathResolver.FullPath(Resolver.ResolveLiteral(CertificatePath)),
            VerifiesClients = RequireClientCertificate,
        },
    };

    /// <summary>Gives each of several images a name. What would have that of another one is an error of its own.</summary>
    private void NameApart()
    {
        var names = new HashSet<string>();
        for (int i = 0; i < _wanted.Count; i++)
        {
            NbdExportOptions options = _wanted[i];
            string name = options.Name.Length > 0 ? options.Name : System.IO.Path.GetFileName(options.Path);
            if (names.Add(name))
            {
                _wanted[i] = options with { Name = name };
                continue;
            }

            _wanted.RemoveAt(i--);
            Start(options.Path, item => Report(item, new DiskImageException(
                ErrorKind.ImageExists, $"another image is served by the name '{name}', by which clients tell them apart", options.Path)
            {
                Remedy = Remedy.Advice("Give it another -ExportName, or start a server of its own."),
            }));
        }
    }

    private void Open(NbdExportOptions options, WorkItem item)
    {
        // Its log goes on when this command has ended.
        _messages.TellTo(item.Tell);
        NbdExport export = NbdExport.Open(options, _messages.Logger, item.Cancellation);
        lock (_open)
            _open.Add(export, options);
    }

    private Dictionary<NbdExport, NbdExportOptions> TakeOpen()
    {
        lock (_open)
        {
            var taken = new Dictionary<NbdExport, NbdExportOptions>(_open);
            _open.Clear();
            return taken;
        }
    }

    private void ServeHere(ServerRequest request, int processId, bool wait, WorkItem item)
    {
        SessionServer server = request.Start(TakeOpen(), _messages, processId);
        SessionServers.Add(server);
        if (!wait)
        {
            item.Emit(new ImageServer(server));
            return;
        }

        try
        {
            // From other processes it is seen only while this one does nothing else.
            using var control = new ControlPipe(server);
            item.Emit(new ImageServer(server));
            server.Wait(item.Cancellation);
        }
        finally
        {
            server.Stop();
        }
    }

    /// <summary>What cannot be served is found here, with errors that a script can tell apart; the other process does the same once more.</summary>
    private void ServeElsewhere(ServerRequest request, PowerShellProcess process, WorkItem item)
    {
        request.Start(TakeOpen(), _messages, 0).Stop();
        int processId = process.Start(ServerScript.Of(request), item.Cancellation);
        try
        {
            item.Emit(new ImageServer(ProcessServer.Of(processId)));
        }
        catch (Exception error) when (error is IOException or TimeoutException)
        {
            throw new DiskImageException(ErrorKind.UnsupportedFeature, $"the process {processId} serves the image and does not answer: {error.Message}", request.Exports[0].Path, error);
        }
    }
}
