using System.Management.Automation;
using Qed.PowerShell.Binding;

namespace Qed.PowerShell.Commands;

/// <summary>Stops servers: what clients have sent is done and answered, and the images are closed.</summary>
[Cmdlet(VerbsLifecycle.Stop, "QedServer", DefaultParameterSetName = InputObjectSet, SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium, HelpUri = HelpPage.Folder + "Stop-QedServer.md")]
[OutputType(typeof(ImageServer))]
public sealed class StopQedServerCommand : ServerCmdlet
{
    private const string InputObjectSet = "InputObject";

    /// <summary>Servers, as Start-QedServer and Get-QedServer give them.</summary>
    [Parameter(Mandatory = true, ParameterSetName = InputObjectSet, ValueFromPipeline = true, HelpMessage = "A server, as Get-QedServer gives it.")]
    public ImageServer[] InputObject { get; set; } = [];

    /// <summary>Emits the server, whose counters then stay as they were at last.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (ImageServer server in ParameterSetName == InputObjectSet ? InputObject : ServingPaths())
            StopOne(server);
    }

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
