using System.Management.Automation;
using Qed.Operations;
using Qed.PowerShell.Binding;
using Qed.PowerShell.Completion;

namespace Qed.PowerShell.Commands;

/// <summary>Gives QED images another backing file, or none; the guest sees the same contents as before.</summary>
[Cmdlet(VerbsCommon.Set, "QedBackingFile", DefaultParameterSetName = LiteralPathSet, SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High, HelpUri = HelpPage.Folder + "Set-QedBackingFile.md")]
[OutputType(typeof(ImageInfo))]
public sealed class SetQedBackingFileCommand : ChangingCmdlet
{
    /// <summary>The new backing file, a literal path; see <see cref="BackingNameRule"/> for the name that is stored.</summary>
    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true)]
    [Alias("ParentPath", "BackingFile")]
    [BlankIsAbsent]
    public string? BackingPath { get; set; }

    /// <summary>The backing file's format; probed otherwise.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(FormatNameCompleter))]
    [BlankIsAbsent]
    public string? BackingFormat { get; set; }

    /// <summary>Makes the image self-contained.</summary>
    [Parameter]
    public SwitchParameter None { get; set; }

    /// <summary>Changes the name alone, trusting that the new backing file has the same contents.</summary>
    [Parameter]
    public SwitchParameter MetadataOnly { get; set; }

    // Not parameter sets, for the reason given at Resize-QedImage.
    private protected override void CheckParameters()
    {
        if (BackingPath is null && !None)
            RefuseParameters("MissingMandatoryParameter", "Give the new backing file with -BackingPath, or -None.");
        if ((BackingPath is not null || BackingFormat is not null) && None)
            RefuseParameters("AmbiguousParameterSet", "-None excludes -BackingPath and -BackingFormat.");
    }

    private protected override void ProcessImage(string path)
    {
        var options = new SetBackingFileOptions
        {
            Path = path,
            BackingPath = None ? null : BackingNames.NameFor(BackingPath!, path),
            BackingFormat = BackingFormat,
            MetadataOnly = MetadataOnly,
        };
        if (Consent.IsSought(this, ConfirmImpact.High))
            Foresight.OfChanging(path);
        string action = None ? "Make the image independent of its backing file" : $"Change the backing file to '{options.BackingPath}'";
        if (ShouldProcess(path, MetadataOnly ? action + ", without looking at the contents" : action))
            StartChange(path, options.BackingPath, item => SetBackingFile.Run(options, item.Progress, item.Logger, item.Cancellation));
    }
}
