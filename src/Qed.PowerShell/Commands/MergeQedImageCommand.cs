using System.Linq;
using System.Management.Automation;
using Qed.Operations;
using Qed.PowerShell.Binding;

namespace Qed.PowerShell.Commands;

/// <summary>Merges disk images into images that they rest on.</summary>
[Cmdlet(VerbsData.Merge, "QedImage", DefaultParameterSetName = LiteralPathSet, SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High, HelpUri = HelpPage.Folder + "Merge-QedImage.md")]
[OutputType(typeof(MergedImageInfo))]
public sealed class MergeQedImageCommand : SourceCmdlet
{
    private readonly ImageTurns _turns = new();

    /// <summary>The image to merge into, a literal path: the backing file, or one further down the chain; the backing file otherwise.</summary>
    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true)]
    [Alias("Destination")]
    [BlankIsAbsent]
    public string? DestinationPath { get; set; }

    /// <summary>Further folders, literal paths, that are searched for images which rest on what changes, with all folders in them.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [BlankIsAbsent]
    public string[]? SearchPath { get; set; }

    /// <summary>Deletes the merged image, and those between it and the destination, after the destination was verified.</summary>
    [Parameter]
    public SwitchParameter DeleteSource { get; set; }

    /// <summary>Keeps the merged image as it is, where it would be emptied.</summary>
    [Parameter]
    public SwitchParameter KeepSource { get; set; }

    /// <summary>Merges although other images rest on what changes.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>How fast each image is read at most.</summary>
    [Parameter]
    [BlankIsAbsent]
    [Bounds(1, long.MaxValue)]
    public long? MaximumBytesPerSecond { get; set; }

    /// <summary>Emits the description of the image that was merged into.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private protected override void CheckParameters()
    {
        if (DeleteSource && KeepSource)
            RefuseParameters("AmbiguousParameterSet", "-DeleteSource and -KeepSource exclude each other.");
    }

    private protected override void ProcessImage(string path)
    {
        var options = new MergeImageOptions
        {
            Path = path,
            SourceFormat = SourceFormat,
            DestinationPath = DestinationPath is { } name ? System.IO.Path.Combine(System.IO.Path.GetDirectoryName(path)!, BackingNames.NameFor(name, path)) : null,
            Overlay = DeleteSource ? MergedOverlay.Deleted : KeepSource ? MergedOverlay.Kept : MergedOverlay.Emptied,
            SearchPaths = [.. (SearchPath ?? []).Select(Resolver.ResolveLiteral)],
            Force = Force,
            MaximumBytesPerSecond = MaximumBytesPerSecond,
        };
        if (IsWhatIf)
        {
            Start(path, item => item.SayWhatIf(PromiseOf(MergeImage.Plan(options, item.Progress, item.Logger, item.Cancellation))));
            return;
        }

        if (Consent.IsSought(this, ConfirmImpact.High))
            Foresight.Of(options);
        string target = options.DestinationPath is { } destination ? $"'{destination}'" : "its backing file";
        if (!ShouldProcess(path, $"Merge into {target}{Fate(options.Overlay)}"))
            return;
        bool passThru = PassThru;
        Start(path, item =>
        {
            using (_turns.Take(options))
            {
                MergeResult result = MergeImage.Run(options, item.Progress, item.Logger, item.Cancellation);
                if (passThru)
                    item.Emit(new MergedImageInfo(result));
            }
        });
    }

    private static string PromiseOf(MergeResult plan)
    {
        string growth = plan.Size > plan.Before.Size ? $", growing it from {Text(plan.Before.Size)} to {Text(plan.Size)}" : string.Empty;
        string fate = plan.DeletedFiles.Count > 0 ? ", and delete " + string.Join(", ", plan.DeletedFiles.Select(file => $"'{file}'")) : Fate(plan.Overlay);
        return $"Merge into '{plan.Before.Path}'{growth}: write {Text(plan.WrittenBytes)}, make {Text(plan.ZeroedBytes)} zeroes{fate}";
    }

    private static string Fate(MergedOverlay overlay) => overlay switch
    {
        MergedOverlay.Emptied => ", and empty the image",
        MergedOverlay.Deleted => ", and delete the image",
        _ => string.Empty,
    };

    private static string Text(long bytes) => ByteSize.Format((ulong)bytes);
}
