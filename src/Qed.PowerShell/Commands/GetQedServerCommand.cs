using System.Management.Automation;
using Qed.PowerShell.Binding;

namespace Qed.PowerShell.Commands;

/// <summary>Tells which servers run: those of this session, and those of this user that have processes of their own.</summary>
[Cmdlet(VerbsCommon.Get, "QedServer", DefaultParameterSetName = AllSet, HelpUri = HelpPage.Folder + "Get-QedServer.md")]
[OutputType(typeof(ImageServer))]
public sealed class GetQedServerCommand : ServerCmdlet
{
    private const string AllSet = "All";

    /// <inheritdoc/>
    protected override void ProcessRecord() => WriteObject(ParameterSetName == AllSet ? All() : ServingPaths(), enumerateCollection: true);
}
