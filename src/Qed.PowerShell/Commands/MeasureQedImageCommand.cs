using System.Management.Automation;
using Qed.Operations;
using Qed.PowerShell.Binding;
using Qed.PowerShell.Completion;
using Qed.PowerShell.Pipeline;

namespace Qed.PowerShell.Commands;

/// <summary>Tells how large the file of a conversion to each format would be; changes nothing.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "QedImage", DefaultParameterSetName = LiteralPathSet, HelpUri = HelpPage.Folder + "Measure-QedImage.md")]
[OutputType(typeof(ImageMeasure))]
public sealed class MeasureQedImageCommand : LayoutCmdlet
{
    /// <summary>The targets' formats; by default all that have what is asked for.</summary>
    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true)]
    [Alias("VHDFormat")]
    [ArgumentCompleter(typeof(FormatNameCompleter))]
    [BlankIsAbsent]
    public string[]? Format { get; set; }

    /// <summary>The image's format; probed otherwise.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(FormatNameCompleter))]
    [BlankIsAbsent]
    public string? SourceFormat { get; set; }

    /// <summary>Measures targets whose data is compressed; without -Exact as if no data could be.</summary>
    [Parameter]
    public SwitchParameter Compress { get; set; }

    /// <summary>Reads all data and leaves out what of it is zero, as a conversion does; otherwise only tables are read.</summary>
    [Parameter]
    public SwitchParameter Exact { get; set; }

    private protected override void ProcessImage(string path)
    {
        var options = new MeasureImageOptions
        {
            Path = path,
            SourceFormat = SourceFormat,
            RawFallback = RawFallback.Recognised,
            Subformat = Subformat ?? default,
            ClusterSize = ClusterSize,
            TableSize = TableSize,
            Compress = Compress,
            Exact = Exact,
        };
        if (Format is { } formats)
            Start(path, item => Measure(formats, options, item));
        else
            Start(path, item => MeasureAll(options, item));
    }

    private static void MeasureAll(MeasureImageOptions options, WorkItem item)
    {
        foreach (MeasureResult measure in MeasureImage.RunAll(options, item.Progress, item.Logger, item.Cancellation))
            item.Emit(new ImageMeasure(measure));
    }

    /// <summary>A format that was named and is not possible is an error, which leaves the others alone.</summary>
    private static void Measure(string[] formats, MeasureImageOptions options, WorkItem item)
    {
        foreach (string format in formats)
        {
            try
            {
                item.Emit(new ImageMeasure(MeasureImage.Run(options with { Format = format }, item.Progress, item.Logger, item.Cancellation)));
            }
            catch (DiskImageException error)
            {
                item.Fail(error);
            }
        }
    }
}
