using System.IO;
using System.Management.Automation;
using Qed.Operations;
using Qed.PowerShell.Binding;
using Qed.PowerShell.Completion;
using Qed.PowerShell.Serving;
using Qed.Server;

namespace Qed.PowerShell.Commands;

/// <summary>Writes the contents of disk images into new ones of any format.</summary>
[Cmdlet(VerbsData.Convert, "QedImage", DefaultParameterSetName = LiteralPathSet, SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium, HelpUri = HelpPage.Folder + "Convert-QedImage.md")]
[OutputType(typeof(ImageInfo), typeof(SalvagedImageInfo), typeof(ImageServer))]
public sealed class ConvertQedImageCommand : TargetCmdlet
{
    private readonly TargetNames _targets = new();

    /// <summary>The target, a literal path; or a folder, in which each target has its source's name and its format's extension.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true)]
    [Alias("Destination")]
    [BlankIsAbsent]
    public string DestinationPath { get; set; } = string.Empty;

    /// <summary>The source's format; probed otherwise.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(FormatNameCompleter))]
    [BlankIsAbsent]
    public string? SourceFormat { get; set; }

    /// <summary>A folder below which the sources lie, a literal path: their folders are kept, and made, in the target folder.</summary>
    [Parameter]
    [BlankIsAbsent]
    public string? RelativeTo { get; set; }

    /// <summary>Name or id of an internal snapshot of the source to convert, instead of its present state.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(SnapshotCompleter))]
    [BlankIsAbsent]
    public string? Snapshot { get; set; }

    /// <summary>Consents to opening a data file that the source names, which could be any file of this host.</summary>
    [Parameter]
    public SwitchParameter AllowExternalData { get; set; }

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

    /// <summary>Serves the disk over NBD while it is converted and afterwards, so that it can be used from now on; the target is a QED image.</summary>
    [Parameter]
    public SwitchParameter Serve { get; set; }

    /// <summary>How fast each source is read at most.</summary>
    [Parameter]
    [BlankIsAbsent]
    [Bounds(1, long.MaxValue)]
    public long? MaximumBytesPerSecond { get; set; }

    /// <summary>Emits the target's description.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private protected override void CheckParameters()
    {
        base.CheckParameters();
        bool isMore = Compress || Verify || DeleteSource || Salvage || Force || AllowExternalData || PassThru || Snapshot is not null || Subformat is not null
            || BackingPath is not null || ClusterSize is not null || TableSize is not null || LogicalSectorSize is not null || PhysicalSectorSize is not null;
        if (Serve && isMore)
            RefuseParameters("AmbiguousParameterSet", "-Serve makes a plain QED image, which is used from the beginning: of the parameters of a conversion it goes with -SourceFormat, -RelativeTo, -SkipExisting and -MaximumBytesPerSecond.");
    }

    private protected override void ProcessImage(string path)
    {
        string target = TargetFor(path);
        if (Serve)
        {
            ServeWhileConverting(path, target);
            return;
        }

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
            MaximumBytesPerSecond = MaximumBytesPerSecond,
            Force = Force,
        };
        if (IsSkipped(path, target))
            return;
        // Folders that are still to be made are missing rightly.
        if (Consent.IsSought(this, ConfirmImpact.Medium) && (RelativeTo is null || Directory.Exists(System.IO.Path.GetDirectoryName(target))))
            Foresight.Of(options);
        if (!ShouldProcess(path, $"Convert to '{target}'{Replacing(target)}{(DeleteSource ? " and delete the source" : string.Empty)}"))
            return;
        bool passThru = PassThru;
        bool salvage = Salvage;
        bool makesFolders = RelativeTo is not null;
        Start(path, item =>
        {
            if (makesFolders)
                Directory.CreateDirectory(System.IO.Path.GetDirectoryName(target)!);
            ConvertResult result = ConvertImage.Run(options, item.Progress, item.Logger, item.Cancellation);
            if (passThru)
                item.Emit(salvage ? new SalvagedImageInfo(result) : new ImageInfo(result.Target));
        });
    }

    private void ServeWhileConverting(string path, string target)
    {
        if ((Format is null ? FormatInfo.ByExtension(target) ?? FormatInfo.Qed : FormatInfo.ByName(Format)) != FormatInfo.Qed)
            throw new DiskImageException(ErrorKind.UnsupportedFeature, "only a QED image is made while it is used", target);
        if (IsSkipped(path, target) || !ShouldProcess(path, $"Convert to '{target}', and serve it over NBD meanwhile"))
            return;
        var options = new NbdExportOptions
        {
            Path = PathResolver.FullPath(path),
            SourceFormat = SourceFormat,
            RawFallback = RawFallback.Recognised,
            OverlayPath = target,
            IsStreamed = true,
            StreamedBytesPerSecond = MaximumBytesPerSecond,
        };
        int processId = (int)GetVariableValue("PID");
        bool makesFolders = RelativeTo is not null;
        Start(path, item =>
        {
            if (makesFolders)
                Directory.CreateDirectory(System.IO.Path.GetDirectoryName(target)!);
            item.Emit(new ImageServer(ServerRequest.Serve(options, item, processId)));
        });
    }

    private string TargetFor(string source)
    {
        string target = PathResolver.FullPath(Resolver.ResolveLiteral(DestinationPath));
        if (Directory.Exists(target) || RelativeTo is not null)
            target = TargetNames.InFolder(target, PathResolver.FullPath(source), FormatInFolder(target), Root);
        else
            RefuseMissingFolder(target);
        _targets.Claim(target, source, $"Convert '{source}' to another folder or name; of several images -DestinationPath is a folder.");
        return target;
    }

    private string? Root => RelativeTo is null ? null : PathResolver.FullPath(Resolver.ResolveLiteral(RelativeTo));

    private FormatInfo FormatInFolder(string folder)
        => Format is not null ? FormatInfo.ByName(Format)
            : throw new DiskImageException(ErrorKind.UnsupportedFeature, "a folder does not say which format the target is to have", folder)
            {
                Remedy = new(RemedyKind.GiveFormat),
            };

    /// <summary>Of several images the first one would become a file of the folder's name, and the others would be refused for it.</summary>
    private void RefuseMissingFolder(string target)
    {
        bool isForAll = MyInvocation.BoundParameters.TryGetValue(nameof(DestinationPath), out object? given) && given is string;
        bool areSeveral = MyInvocation.ExpectingInput || Path.Length + LiteralPath.Length > 1;
        if (!isForAll || !areSeveral || Format is null || System.IO.Path.HasExtension(target) || File.Exists(target))
            return;
        throw new DiskImageException(ErrorKind.ImageNotFound, "there is no folder of this name to convert several images into", target)
        {
            Remedy = Remedy.Advice("Create it first. A file's name has an extension."),
        };
    }
}
