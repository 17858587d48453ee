using System.Management.Automation;
using Qed.Operations;
using Qed.PowerShell.Binding;

namespace Qed.PowerShell.Commands;

/// <summary>Creates empty QED images, or overlays on a backing file.</summary>
[Cmdlet(VerbsCommon.New, "QedImage", DefaultParameterSetName = LiteralPathSet, SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium, HelpUri = HelpPage.Folder + "New-QedImage.md")]
[OutputType(typeof(ImageInfo))]
public sealed class NewQedImageCommand : TargetCmdlet
{
    /// <summary>Bytes of the disk that the guest sees, a multiple of 512; with a backing file its size otherwise.</summary>
    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true)]
    [BlankIsAbsent]
    public ulong? SizeBytes { get; set; }

    private protected override bool NamesNewFiles => true;

    private protected override void ProcessImage(string path)
    {
        if (SizeBytes == 0)
            throw new DiskImageException(ErrorKind.InvalidSize, "a new disk does not have 0 bytes", path) { Remedy = Remedy.TakeNearest("size", 512) };
        var options = new CreateImageOptions
        {
            Path = path,
            Size = SizeArgument.ToBytes(SizeBytes, path),
            ClusterSize = ClusterSize,
            TableSize = TableSize,
            LogicalSectorSize = LogicalSectorSize,
            PhysicalSectorSize = PhysicalSectorSize,
            BackingPath = BackingNameFor(path),
            BackingFormat = BackingFormat,
            Force = Force,
        };
        string size = SizeBytes is null ? string.Empty : $" of {ByteSize.Format(SizeBytes)}";
        string backing = options.BackingPath is null ? string.Empty : $" that rests on '{options.BackingPath}'";
        if (!ShouldProcess(path, $"Create a QED image{size}{backing}"))
            return;
        Start(path, item => item.Emit(new ImageInfo(CreateImage.Run(options, item.Progress, item.Logger, item.Cancellation))));
    }
}
