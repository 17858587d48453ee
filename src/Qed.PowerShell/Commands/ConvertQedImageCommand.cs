using System.IO;
using System.Management.Automation;
using Qed.Formats;
using Qed.Operations;
using Qed.PowerShell.Binding;

namespace Qed.PowerShell.Commands;

/// <summary>Writes the contents of disk images into new ones of any format.</summary>
[Cmdlet(VerbsData.Convert, "QedImage", DefaultParameterSetName = LiteralPathSet, SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium, HelpUri = HelpPage.Folder + "Convert-QedImage.md")]
[OutputType(typeof(ImageInfo), typeof(SalvagedImageInfo))]
public sealed class ConvertQedImageCommand : TargetCmdlet
{
    private readonly TargetNames _targets = new();

    /// <summary>The target, a literal path; or a folder, in which each target has its source's name and its format's extension.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true)]
    [BlankIsAbsent]
    public string DestinationPath { get; set; } = string.Empty;

    /// <summary>The target's format; the one that its extension stands for otherwise.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(FormatNameCompleter))]
    [BlankIsAbsent]
    public string? Format { get; set; }

    /// <summary>The source's format; probed otherwise.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(FormatNameCompleter))]
    [BlankIsAbsent]
    public string? SourceFormat { get; set; }

    /// <summary>Name or id of an internal snapshot of the source to convert, instead of its present state.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [BlankIsAbsent]
    public string? Snapshot { get; set; }

    /// <summary>Consents to opening a data file that the source names, which could be any file of this host.</summary>
    [Parameter]
    public SwitchParameter AllowExternalData { get; set; }

    /// <summary>How the target uses space.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [BlankIsAbsent]
    public Subformat? Subformat { get; set; }

    /// <summary>Compresses the target's data.</summary>
    [Parameter]
    public SwitchParameter Compress { get; set; }

    /// <summary>Reads both images again afterwards and compares them.</summary>
    [Parameter]
    public SwitchParameter Verify { get; set; }

    /// <summary>Deletes the source with all of its files after its target was verified.</summary>
    [Parameter]
    public SwitchParameter DeleteSource { get; set; }

    /// <summary>Goes on where the source cannot be read, with zeroes in its place, and tells which ranges these are.</summary>
    [Parameter]
    public SwitchParameter Salvage { get; set; }

    /// <summary>Emits the target's description.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private protected override void ProcessImage(string path)
    {
        string target = TargetFor(path);
        var options = new ConvertImageOptions
        {
            Path = path,
            SourceFormat = SourceFormat,
            RawFallback = RawFallback.Recognised,
            Snapshot = Snapshot,
            AllowExternalData = AllowExternalData,
            DestinationPath = target,
            Format = Format,
            Subformat = Subformat ?? default,
            ClusterSize = ClusterSize,
            TableSize = TableSize,
            LogicalSectorSize = LogicalSectorSize,
            PhysicalSectorSize = PhysicalSectorSize,
            BackingPath = BackingNameFor(target),
            BackingFormat = BackingFormat,
            Compress = Compress,
            Verify = Verify,
            DeleteSource = DeleteSource,
            Salvage = Salvage,
            Force = Force,
        };
        if (!ShouldProcess(path, $"Convert to '{target}'{(DeleteSource ? " and delete the source" : string.Empty)}"))
            return;
        bool passThru = PassThru;
        bool salvage = Salvage;
        Start(path, item =>
        {
            ConvertResult result = ConvertImage.Run(options, item.Progress, item.Logger, item.Cancellation);
            if (passThru)
                item.Emit(salvage ? new SalvagedImageInfo(result) : new ImageInfo(result.Target));
        });
    }

    private string TargetFor(string source)
    {
        string target = System.IO.Path.GetFullPath(Resolver.ResolveLiteral(DestinationPath));
        if (Directory.Exists(target))
            target = System.IO.Path.Combine(target, NameInFolder(target, source));
        _targets.Claim(target, source, $"Convert '{source}' to another folder or name; of several images -DestinationPath is a folder.");
        return target;
    }

    private string NameInFolder(string folder, string source)
    {
        if (Format is null)
        {
            throw new DiskImageException(ErrorKind.UnsupportedFeature, "a folder does not say which format the target is to have", folder)
            {
                Remedy = new(RemedyKind.GiveFormat),
            };
        }

        return System.IO.Path.ChangeExtension(System.IO.Path.GetFileName(source), FormatRegistry.ByName(Format).Extensions[0]);
    }
}
