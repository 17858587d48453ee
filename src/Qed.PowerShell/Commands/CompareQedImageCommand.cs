using System.Management.Automation;
using Qed.Operations;
using Qed.PowerShell.Binding;
using Qed.PowerShell.Completion;

namespace Qed.PowerShell.Commands;

/// <summary>Compares what the guest sees of two disk images of any formats; changes nothing.</summary>
[Cmdlet(VerbsData.Compare, "QedImage", DefaultParameterSetName = LiteralPathSet, HelpUri = HelpPage.Folder + "Compare-QedImage.md")]
[OutputType(typeof(ComparisonResult), typeof(bool))]
public sealed class CompareQedImageCommand : SourceCmdlet
{
    /// <summary>The image to compare with, a literal path. Lists that a conversion was made from name it DestinationPath.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true)]
    [Alias("DestinationPath")]
    [BlankIsAbsent]
    public string? DifferencePath { get; set; }

    /// <summary>The format of the image to compare with; probed otherwise.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(FormatNameCompleter))]
    [BlankIsAbsent]
    public string? DifferenceFormat { get; set; }

    /// <summary>The most ranges that a result lists; those beyond are only counted.</summary>
    [Parameter]
    [BlankIsAbsent]
    [Bounds(0, int.MaxValue)]
    public int? MaximumRanges { get; set; } = CompareImagesOptions.DefaultMaximumRanges;

    /// <summary>Takes disks of different sizes for different although only zeroes are between.</summary>
    [Parameter]
    public SwitchParameter Strict { get; set; }

    /// <summary>Answers with one Boolean an image, whether the two are equal, and stops at the first difference.</summary>
    [Parameter]
    public SwitchParameter Quiet { get; set; }

    // What a comparison says of its other image is taken back, as all that a result says but its path.
    private protected override void CheckParameters()
    {
        if (DifferencePath is null)
            RefuseParameters("MissingMandatoryParameter", "Give the image to compare with by -DifferencePath.");
    }

    private protected override void ProcessImage(string path)
    {
        var options = new CompareImagesOptions
        {
            Path = path,
            SourceFormat = SourceFormat,
            RawFallback = RawFallback.Recognised,
            DifferencePath = Resolver.ResolveSingle(DifferencePath!, nameof(DifferencePath)),
            DifferenceFormat = DifferenceFormat,
            MaximumRanges = MaximumRanges ?? CompareImagesOptions.DefaultMaximumRanges,
            Strict = Strict,
            FirstOnly = Quiet,
        };
        Start(path, item =>
        {
            CompareResult result = CompareImages.Run(options, item.Progress, item.Logger, item.Cancellation);
            item.Emit(options.FirstOnly ? result.IsEqual : new ComparisonResult(result));
        });
    }
}
