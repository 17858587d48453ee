using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using Qed.Checking;
using Qed.Operations;
using Qed.PowerShell.Binding;
using Qed.PowerShell.Pipeline;

namespace Qed.PowerShell.Commands;

/// <summary>Checks QED images for consistency; changes nothing.</summary>
[Cmdlet(VerbsDiagnostic.Test, "QedImage", DefaultParameterSetName = LiteralPathSet, HelpUri = HelpPage.Folder + "Test-QedImage.md")]
[OutputType(typeof(CheckReport), typeof(bool))]
public sealed class TestQedImageCommand : ImageCmdlet
{
    /// <summary>Answers with one Boolean an image: whether nothing is wrong with it, nor with its chain where that was asked for.</summary>
    [Parameter]
    public SwitchParameter Quiet { get; set; }

    /// <summary>Also checks the QED images that the image rests on.</summary>
    [Parameter]
    public SwitchParameter BackingChain { get; set; }

    /// <summary>Checks images that another process may be writing: takes no lock, and believes only what several passes find.</summary>
    [Parameter]
    public SwitchParameter Online { get; set; }

    /// <summary>How fast each image is read at most, so that whoever works with the same disk is not held up.</summary>
    [Parameter]
    [BlankIsAbsent]
    [Bounds(1, long.MaxValue)]
    public long? MaximumBytesPerSecond { get; set; }

    private protected override void ProcessImage(string path)
    {
        var options = new CheckImageOptions { Path = path, Online = Online, MaximumBytesPerSecond = MaximumBytesPerSecond };
        bool wholeChain = BackingChain;
        if (Quiet)
            Start(path, item => item.Emit(IsClean(options, wholeChain, item)));
        else
            Start(path, item => Report(options, wholeChain, item));
    }

    private static void Report(CheckImageOptions options, bool wholeChain, WorkItem item)
    {
        foreach (CheckResult result in Check(options, wholeChain, item))
            item.Emit(new CheckReport(result));
    }

    private static bool IsClean(CheckImageOptions options, bool wholeChain, WorkItem item)
    {
        try
        {
            return Check(options, wholeChain, item).All(result => result.IsClean);
        }
        catch (DiskImageException error) when (IsBrokenHeader(error.Kind))
        {
            item.Verbose(error);
            return false;
        }
    }

    /// <summary>What can be wrong with an image that is there and can be read.</summary>
    private static bool IsBrokenHeader(ErrorKind kind)
        => kind is ErrorKind.ImageCorrupt or ErrorKind.ImageNotRecognized or ErrorKind.InvalidSize or ErrorKind.InvalidGeometry;

    private static IEnumerable<CheckResult> Check(CheckImageOptions options, bool wholeChain, WorkItem item)
        => wholeChain
            ? DescribeImage.RunChain(options.Path).Where((link, depth) => depth == 0 || IsQed(link, item)).Select(link => Check(options with { Path = link.Path }, item))
            : [Check(options, item)];

    private static CheckResult Check(CheckImageOptions options, WorkItem item)
        => CheckImage.Run(options, item.Progress, item.Logger, item.Cancellation);

    private static bool IsQed(ImageDescription link, WorkItem item)
    {
        if (link.Format == "qed")
            return true;
        item.Verbose($"'{link.Path}' has the format {link.Format}, which has no tables to check.");
        return false;
    }
}
