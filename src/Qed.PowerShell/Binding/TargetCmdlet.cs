using System.IO;
using System.Management.Automation;
using Qed.PowerShell.Completion;

namespace Qed.PowerShell.Binding;

/// <summary>The base of the cmdlets that make new images: what a new image can be told.</summary>
public abstract class TargetCmdlet : LayoutCmdlet
{
    /// <summary>The new image's format; the one that its extension stands for otherwise.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("VHDFormat")]
    [ArgumentCompleter(typeof(FormatNameCompleter))]
    [BlankIsAbsent]
    public string? Format { get; set; }

    /// <summary>The image that the new one rests on, a literal path; see <see cref="BackingNameRule"/> for the name that is stored.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("ParentPath", "BackingFile")]
    [BlankIsAbsent]
    public string? BackingPath { get; set; }

    /// <summary>The backing file's format; probed otherwise.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(FormatNameCompleter))]
    [BlankIsAbsent]
    public string? BackingFormat { get; set; }

    /// <summary>Bytes in a sector as the guest addresses it, 512 or 4096, for formats that say it (VHDX); the source's or 512 otherwise.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(SectorSizeCompleter))]
    [BlankIsAbsent]
    public uint? LogicalSectorSizeBytes { get; set; }

    /// <summary>Bytes in a sector as the disk tells its guest that it writes it, 512 or 4096, for formats that say it (VHDX); the source's or 4096 otherwise.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(SectorSizeCompleter))]
    [BlankIsAbsent]
    public uint? PhysicalSectorSizeBytes { get; set; }

    /// <summary>Passes over what exists already, so that work that was broken off goes on where it was.</summary>
    [Parameter]
    public SwitchParameter SkipExisting { get; set; }

    /// <summary>Replaces an existing file.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    private protected int? LogicalSectorSize => SizeArgument.ToSectorSize(LogicalSectorSizeBytes);

    private protected int? PhysicalSectorSize => SizeArgument.ToSectorSize(PhysicalSectorSizeBytes);

    private protected override void CheckParameters()
    {
        if (BackingFormat is not null && BackingPath is null)
            RefuseParameters("MissingMandatoryParameter", "-BackingFormat is the format of the file that -BackingPath names; give that too.");
        if (Force && SkipExisting)
            RefuseParameters("AmbiguousParameterSet", "-SkipExisting and -Force exclude each other.");
    }

    /// <summary>The backing file name that an image is to store; null for none.</summary>
    private protected string? BackingNameFor(string path) => BackingPath is null ? null : BackingNames.NameFor(BackingPath, path);

    /// <summary>Whether a target is there already and to be left alone.</summary>
    private protected bool IsSkipped(string path, string target)
    {
        if (!SkipExisting || !File.Exists(target))
            return false;
        Start(path, item => item.Verbose($"Skipped '{path}': '{target}' exists already."));
        return true;
    }

    /// <summary>What a question or -WhatIf says of a target besides what it is to be.</summary>
    private protected string Replacing(string target) => Force && File.Exists(target) ? ", replacing the existing file" : string.Empty;
}
