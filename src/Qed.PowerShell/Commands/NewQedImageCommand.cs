using System.Management.Automation;
using Qed.Operations;
using Qed.PowerShell.Binding;

namespace Qed.PowerShell.Commands;

/// <summary>Creates empty disk images of any format that is written, or overlays on a backing file.</summary>
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
        FormatInfo format = FormatFor(path);
        if (IsSkipped(path, path))
            return;
        var options = new CreateImageOptions
        {
            Path = path,
            Format = format.Name,
            Subformat = Subformat ?? default,
            Size = SizeArgument.ToBytes(SizeBytes, path),
            ClusterSize = ClusterSize,
            TableSize = TableSize,
            LogicalSectorSize = LogicalSectorSize,
            PhysicalSectorSize = PhysicalSectorSize,
            BackingPath = BackingNameFor(path),
            BackingFormat = BackingFormat,
            Force = Force,
        };
        if (Consent.IsSought(this, ConfirmImpact.Medium))
            Foresight.Of(options);
        string size = SizeBytes is null ? string.Empty : $" of {ByteSize.Format(SizeBytes)}";
        string backing = options.BackingPath is null ? string.Empty : $" that rests on '{options.BackingPath}'";
        if (!ShouldProcess(path, $"Create an image in the format {format.DisplayName}{size}{backing}{Replacing(path)}"))
            return;
        Start(path, item => item.Emit(new ImageInfo(CreateImage.Run(options, item.Progress, item.Logger, item.Cancellation))));
    }

    /// <summary>The format that is asked for, or that the name says; QED where neither says one.</summary>
    /// <exception cref="DiskImageException">UnsupportedFeature where the two contradict each other: whoever meets the file later goes by its name.</exception>
    private FormatInfo FormatFor(string path)
    {
        FormatInfo? named = FormatInfo.ByExtension(path);
        if (Format is null)
            return named ?? FormatInfo.Qed;
        FormatInfo format = FormatInfo.ByName(Format);
        // Endings such as .img say a disk, and of many formats.
        if (named is null || named == format || (named.IsGuestBytes && !path.EndsWith(".raw", System.StringComparison.OrdinalIgnoreCase)))
            return format;
        throw new DiskImageException(ErrorKind.UnsupportedFeature, $"the name says {named.DisplayName}, and -Format {format.DisplayName}", path)
        {
            Remedy = Remedy.Advice($"Name it {format.Extensions[0]}, or leave out -Format."),
        };
    }
}
