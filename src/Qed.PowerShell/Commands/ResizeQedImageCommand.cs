using System.Management.Automation;
using Qed.Operations;
using Qed.PowerShell.Binding;

namespace Qed.PowerShell.Commands;

/// <summary>Grows or shrinks the disk of QED images in place.</summary>
[Cmdlet(VerbsCommon.Resize, "QedImage", DefaultParameterSetName = LiteralPathSet, SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium, HelpUri = HelpPage.Folder + "Resize-QedImage.md")]
[OutputType(typeof(ImageInfo))]
public sealed class ResizeQedImageCommand : ChangingCmdlet
{
    private bool _yesToAll;
    private bool _noToAll;

    /// <summary>The new size in bytes, a multiple of 512.</summary>
    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true)]
    [BlankIsAbsent]
    public ulong? SizeBytes { get; set; }

    /// <summary>Cuts off the zeroes at the end of the disk.</summary>
    [Parameter]
    public SwitchParameter ToMinimumSize { get; set; }

    /// <summary>Consents to losing what lies beyond the new size.</summary>
    [Parameter]
    public SwitchParameter AllowShrink { get; set; }

    // Not parameter sets: four of them would leave PowerShell no way to choose between Path and PSPath of one object.
    private protected override void CheckParameters()
    {
        if (SizeBytes is null && !ToMinimumSize)
            RefuseParameters("MissingMandatoryParameter", "Give the new size with -SizeBytes, or -ToMinimumSize.");
        if (SizeBytes is not null && ToMinimumSize)
            RefuseParameters("AmbiguousParameterSet", "-SizeBytes and -ToMinimumSize exclude each other.");
    }

    private protected override void ProcessImage(string path)
    {
        var options = new ResizeImageOptions { Path = path, Size = SizeArgument.ToBytes(SizeBytes, path), AllowShrink = AllowShrink };
        if (IsWanted(options))
            StartChange(path, newBackingName: null, item => ResizeImage.Run(options, item.Progress, item.Logger, item.Cancellation));
    }

    private bool IsWanted(ResizeImageOptions options)
    {
        var oldSize = (ulong)Foresight.Of(options).Size;
        string from = $"from {ByteSize.Format(oldSize)}";
        string to = ByteSize.Format(SizeBytes);
        if (SizeBytes is null)
            return ShouldProcess(options.Path, $"Shrink the disk {from} to its last data") && IsShrinkingConfirmed(options.Path, "its last data");
        if (SizeBytes == oldSize)
            return ShouldProcess(options.Path, $"Leave the disk at {to}, the size that it has");
        return SizeBytes > oldSize
            ? ShouldProcess(options.Path, $"Grow the disk {from} to {to}")
            : ShouldProcess(options.Path, $"Shrink the disk {from} to {to}") && IsShrinkingConfirmed(options.Path, to);
    }

    /// <summary>
    /// Shrinking has a higher impact than growing, and a cmdlet can declare only one: this asks where a cmdlet of high
    /// impact would have, and ShouldProcess has not.
    /// </summary>
    private bool IsShrinkingConfirmed(string path, string to)
    {
        bool isForHighImpact = Consent.IsSought(this, ConfirmImpact.High) && !Consent.IsSought(this, ConfirmImpact.Medium);
        return !isForHighImpact
            || ShouldContinue($"Shrink the disk of '{path}' to {to}? What lies beyond is lost.", "Confirm", ref _yesToAll, ref _noToAll);
    }
}
