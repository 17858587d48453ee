using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using Qed.Operations;
using Qed.PowerShell.Binding;
using Qed.PowerShell.Pipeline;

namespace Qed.PowerShell.Commands;

/// <summary>Checks QED images for consistency; changes nothing.</summary>
[Cmdlet(VerbsDiagnostic.Test, "QedImage", DefaultParameterSetName = LiteralPathSet, HelpUri = HelpPage.Folder + "Test-QedImage.md")]
[OutputType(typeof(CheckReport), typeof(bool))]
public sealed class TestQedImageCommand : ImageCmdlet
{
    /// <summary>
    /// Answers with exactly one Boolean an image, in their order: whether nothing is wrong with it, nor with its chain where
    /// that was asked for. False, and an error, where it cannot be told. That an image was not closed cleanly is not wrong.
    /// </summary>
    [Parameter]
    public SwitchParameter Quiet { get; set; }

    /// <summary>Also checks the QED images that the image rests on.</summary>
    [Parameter]
    public SwitchParameter BackingChain { get; set; }

    /// <summary>Checks images that another process may be writing: takes no lock, and believes only what several passes find.</summary>
    [Parameter]
    public SwitchParameter Online { get; set; }

    /// <summary>Passes over images of formats that cannot be checked, where a folder holds many sorts.</summary>
    [Parameter]
    public SwitchParameter SkipUnsupported { get; set; }

    /// <summary>Gives images that cannot be checked rows of their own, with the status Failed and the reason, instead of errors.</summary>
    [Parameter]
    public SwitchParameter IncludeFailed { get; set; }

    /// <summary>How fast each image is read at most, so that whoever works with the same disk is not held up.</summary>
    [Parameter]
    [BlankIsAbsent]
    [Bounds(1, long.MaxValue)]
    public long? MaximumBytesPerSecond { get; set; }

    private protected override void CheckParameters()
    {
        if (Quiet && IncludeFailed)
            RefuseParameters("AmbiguousParameterSet", "-Quiet and -IncludeFailed exclude each other.");
    }

    private protected override void ProcessImage(string path)
    {
        var options = new CheckImageOptions { Path = path, Online = Online, MaximumBytesPerSecond = MaximumBytesPerSecond };
        Start(path, item =>
        {
            try
            {
                Check(options, item);
            }
            catch (DiskImageException error)
            {
                Report(item, error);
            }
        });
    }

    /// <summary>An image that cannot be checked still has one answer with -Quiet, and a row with -IncludeFailed.</summary>
    private protected override void Report(WorkItem item, DiskImageException error)
    {
        if (SkipUnsupported && error.Kind == ErrorKind.UnsupportedFeature && OtherFormat(item.Target) is { } format)
        {
            item.Verbose($"Skipped '{item.Target}': its format is {format}.");
            return;
        }

        if (IncludeFailed)
        {
            item.Emit(new CheckReport(item.Target, error.Kind.ToString(), item.TextOf(error)));
            return;
        }

        if (Quiet && IsBrokenHeader(error.Kind))
            item.Verbose(error);
        else
            item.Fail(error);
        if (Quiet)
            item.Emit(false);
    }

    private void Check(CheckImageOptions options, WorkItem item)
    {
        if (Quiet)
        {
            item.Emit(Results(options, item).All(result => result.IsClean));
            return;
        }

        foreach (CheckResult result in Results(options, item))
            item.Emit(new CheckReport(result));
    }

    private IEnumerable<CheckResult> Results(CheckImageOptions options, WorkItem item)
        => BackingChain
            ? Chain(options, item).Where((link, depth) => depth == 0 || IsQed(link, item)).Select(link => Result(options with { Path = link.Path }, item))
            : [Result(options, item)];

    private static IEnumerable<ImageDescription> Chain(CheckImageOptions options, WorkItem item)
        => DescribeImage.RunChain(new DescribeImageOptions { Path = options.Path }, item.Progress, item.Logger, item.Cancellation);

    private static CheckResult Result(CheckImageOptions options, WorkItem item)
        => CheckImage.Run(options, item.Progress, item.Logger, item.Cancellation);

    /// <summary>What can be wrong with an image that is there and can be read.</summary>
    private static bool IsBrokenHeader(ErrorKind kind)
        => kind is ErrorKind.ImageCorrupt or ErrorKind.ImageNotRecognized or ErrorKind.InvalidSize or ErrorKind.InvalidGeometry;

    private static bool IsQed(ImageDescription link, WorkItem item)
    {
        if (link.IsChangedInPlace)
            return true;
        item.Verbose($"'{link.Path}' has the format {link.Format}, which has no tables to check.");
        return false;
    }

    /// <summary>The format of an image that is none of QED; null of one that is, with a feature that is not supported.</summary>
    private static string? OtherFormat(string path)
    {
        try
        {
            return DescribeImage.Run(new DescribeImageOptions { Path = path }) is { IsChangedInPlace: false } image ? image.Format : null;
        }
        catch (DiskImageException)
        {
            return null;
        }
    }
}
