using System.Management.Automation;
using Qed.Operations;
using Qed.PowerShell.Binding;

namespace Qed.PowerShell.Commands;

/// <summary>Mends QED images, and puts them back byte for byte as they were if asked to.</summary>
[Cmdlet(VerbsDiagnostic.Repair, "QedImage", DefaultParameterSetName = LiteralPathSet, SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High, HelpUri = HelpPage.Folder + "Repair-QedImage.md")]
[OutputType(typeof(RepairReport), typeof(CheckReport))]
public sealed class RepairQedImageCommand : ImageCmdlet
{
    /// <summary>How much may be changed.</summary>
    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true)]
    [BlankIsAbsent]
    public RepairMode? Mode { get; set; }

    /// <summary>Puts the image back as it was before its repair.</summary>
    [Parameter]
    public SwitchParameter Undo { get; set; }

    /// <summary>The undo file, where it does not lie beside the image.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [BlankIsAbsent]
    public string? UndoPath { get; set; }

    /// <summary>Keeps no undo file after the repair, and removes that of an earlier one before it.</summary>
    [Parameter]
    public SwitchParameter DiscardUndo { get; set; }

    /// <summary>Undoes a repair although the image was changed after it, or its undo file is damaged: a last resort, old and new are mixed then.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>With -Undo, emits a check report of the image as it was; a repair always emits its report.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private string? UndoFile => UndoPath is null ? null : Resolver.ResolveLiteral(UndoPath);

    private protected override void CheckParameters()
    {
        if (Undo && (DiscardUndo || Mode is not null))
            RefuseParameters("AmbiguousParameterSet", "-Undo excludes -Mode and -DiscardUndo.");
    }

    private protected override void ProcessImage(string path)
    {
        if (Undo)
            PutBack(path);
        else
            Repair(path);
    }

    private void PutBack(string path)
    {
        if (!ShouldProcess(path, "Put the image back as it was before its repair"))
            return;
        var options = new UndoRepairOptions { Path = path, UndoPath = UndoFile, Force = Force };
        bool passThru = PassThru;
        Start(path, item =>
        {
            UndoRepair.Run(options, item.Progress, item.Logger, item.Cancellation);
            if (passThru)
                item.Emit(new CheckReport(CheckImage.Run(new CheckImageOptions { Path = path }, item.Progress, item.Logger, item.Cancellation)));
        });
    }

    private void Repair(string path)
    {
        var options = new RepairImageOptions { Path = path, Mode = Mode ?? default, UndoPath = UndoFile, DiscardUndo = DiscardUndo };
        if (IsWhatIf)
        {
            Start(path, item =>
            {
                foreach (RepairChange change in RepairImage.Plan(options, item.Progress, item.Logger, item.Cancellation).Changes)
                    item.SayWhatIf(change.Description);
            });
            return;
        }

        if (!ShouldProcess(path, Mode == RepairMode.Leaks ? "Reclaim leaked clusters" : "Repair the image"))
            return;
        Start(path, item => item.Emit(new RepairReport(RepairImage.Run(options, item.Progress, item.Logger, item.Cancellation))));
    }
}
