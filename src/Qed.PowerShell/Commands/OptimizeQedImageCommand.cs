using System.Management.Automation;
using Qed.Operations;
using Qed.PowerShell.Binding;

namespace Qed.PowerShell.Commands;

/// <summary>Makes the files of QED images as short as what they hold, where they lie.</summary>
[Cmdlet(VerbsCommon.Optimize, "QedImage", DefaultParameterSetName = LiteralPathSet, SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High, HelpUri = HelpPage.Folder + "Optimize-QedImage.md")]
[OutputType(typeof(OptimizeReport))]
public sealed class OptimizeQedImageCommand : ImageCmdlet
{
    private readonly ImageTurns _turns = new();

    /// <summary>How much is done.</summary>
    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true)]
    [BlankIsAbsent]
    public OptimizeMode? Mode { get; set; }

    /// <summary>Emits what it came to.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private protected override void ProcessImage(string path)
    {
        var options = new OptimizeImageOptions { Path = path, Mode = Mode ?? default };
        if (IsWhatIf)
        {
            Start(path, item => item.SayWhatIf(PromiseOf(OptimizeImage.Plan(options, item.Progress, item.Logger, item.Cancellation))));
            return;
        }

        if (Consent.IsSought(this, ConfirmImpact.High))
            Foresight.OfChanging(path);
        if (!ShouldProcess(path, $"Optimize the image ({options.Mode})"))
            return;
        bool passThru = PassThru;
        Start(path, item =>
        {
            using (_turns.Take(path, newBackingName: null))
            {
                OptimizeResult result = OptimizeImage.Run(options, item.Progress, item.Logger, item.Cancellation);
                if (passThru)
                    item.Emit(new OptimizeReport(result, options.Mode));
            }
        });
    }

    private static string PromiseOf(OptimizeResult plan)
        => $"Shorten the file from {Text(plan.FileSizeBefore)} to {Text(plan.FileSize)}, by {Text(plan.GainedBytes)}; move {Text(plan.MovedBytes)}";

    private static string Text(long bytes) => ByteSize.Format((ulong)bytes);
}
