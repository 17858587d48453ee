using System.Management.Automation;
using Qed.PowerShell.Completion;

namespace Qed.PowerShell.Binding;

/// <summary>The base of the cmdlets that read images of any format.</summary>
public abstract class SourceCmdlet : ImageCmdlet
{
    /// <summary>The image's format; probed otherwise.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(FormatNameCompleter))]
    [BlankIsAbsent]
    public string? SourceFormat { get; set; }
}
