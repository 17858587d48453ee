using System.Management.Automation;
using Qed.PowerShell.Binding;

namespace Qed.PowerShell.Commands;

/// <summary>Tells which servers run: those of this session, and those of this user that have processes of their own.</summary>
[Cmdlet(VerbsCommon.Get, "QedServer", DefaultParameterSetName = AllSet, HelpUri = HelpPage.Folder + "Get-QedServer.md")]
[OutputType(typeof(ImageServer))]
public sealed class GetQedServerCommand : ServerCmdlet
{
    private const string AllSet = "All";
    private const string PathSet = "Path";
    private const string LiteralPathSet = "LiteralPath";

    /// <summary>Images, by path, whose servers are wanted; wildcards are expanded.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = PathSet, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [SupportsWildcards]
    [PathText]
    [ValidateNotNullOrEmpty]
    public string[] Path { get; set; } = [];

    /// <summary>Images, by path, whose servers are wanted; every character means itself.</summary>
    [Parameter(Mandatory = true, ParameterSetName = LiteralPathSet, ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "FullName", "LP")]
    [PathText]
    [ValidateNotNullOrEmpty]
    public string[] LiteralPath { get; set; } = [];

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (ParameterSetName == AllSet)
        {
            WriteObject(All(), enumerateCollection: true);
            return;
        }

        bool isLiteral = ParameterSetName == LiteralPathSet;
        foreach (string path in isLiteral ? LiteralPath : Path)
            WriteObject(Serving(path, isLiteral), enumerateCollection: true);
    }
}
