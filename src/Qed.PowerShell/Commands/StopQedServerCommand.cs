using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using Qed.PowerShell.Binding;

namespace Qed.PowerShell.Commands;

/// <summary>Stops servers: what clients have sent is done and answered, and the images are closed.</summary>
[Cmdlet(VerbsLifecycle.Stop, "QedServer", DefaultParameterSetName = InputObjectSet, SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium, HelpUri = HelpPage.Folder + "Stop-QedServer.md")]
[OutputType(typeof(ImageServer))]
public sealed class StopQedServerCommand : ServerCmdlet
{
    private const string InputObjectSet = "InputObject";
    private const string PathSet = "Path";
    private const string LiteralPathSet = "LiteralPath";

    /// <summary>Servers, as Start-QedServer and Get-QedServer give them.</summary>
    [Parameter(Mandatory = true, ParameterSetName = InputObjectSet, ValueFromPipeline = true, HelpMessage = "A server, as Get-QedServer gives it.")]
    public ImageServer[] InputObject { get; set; } = [];

    /// <summary>Images, by path, whose servers are to stop; wildcards are expanded.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = PathSet, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [SupportsWildcards]
    [PathText]
    [ValidateNotNullOrEmpty]
    public string[] Path { get; set; } = [];

    /// <summary>Images, by path, whose servers are to stop; every character means itself.</summary>
    [Parameter(Mandatory = true, ParameterSetName = LiteralPathSet, ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "FullName", "LP")]
    [PathText]
    [ValidateNotNullOrEmpty]
    public string[] LiteralPath { get; set; } = [];

    /// <summary>Emits the server, whose counters then stay as they were at last.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (ImageServer server in Wanted())
            StopOne(server);
    }

    private IEnumerable<ImageServer> Wanted() => ParameterSetName switch
    {
        InputObjectSet => InputObject,
        PathSet => Path.SelectMany(path => Serving(path, isLiteral: false)),
        _ => LiteralPath.SelectMany(path => Serving(path, isLiteral: true)),
    };

    private void StopOne(ImageServer server)
    {
        if (!ShouldProcess(server.Address, $"Stop serving {server.NamesText}"))
            return;
        try
        {
            server.Server.Stop();
            if (PassThru)
                WriteObject(server);
        }
        catch (DiskImageException error)
        {
            WriteFailure(error, server);
        }
    }
}
