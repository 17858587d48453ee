using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using Qed.Checking;
using Qed.Operations;
using Qed.PowerShell.Binding;
using Qed.PowerShell.Pipeline;

namespace Qed.PowerShell.Commands;

/// <summary>Checks QED images for consistency; changes nothing.</summary>
[Cmdlet(VerbsDiagnostic.Test, "QedImage", DefaultParameterSetName = LiteralPathSet)]
[OutputType(typeof(CheckReport), typeof(bool))]
public sealed class TestQedImageCommand : ImageCmdlet
{
    /// <summary>Answers with one Boolean an image: whether nothing is wrong with it, nor with its chain where that was asked for.</summary>
    [Parameter]
    public SwitchParameter Quiet { get; set; }

    /// <summary>Also checks the QED images that the image rests on.</summary>
    [Parameter]
    public SwitchParameter BackingChain { get; set; }

    private protected override void ProcessImage(string path)
    {
        bool wholeChain = BackingChain;
        if (Quiet)
            Start(path, item => item.Emit(IsClean(path, wholeChain, item)));
        else
            Start(path, item => Report(path, wholeChain, item));
    }

    private static void Report(string path, bool wholeChain, WorkItem item)
    {
        foreach (CheckResult result in Check(path, wholeChain, item))
            item.Emit(new CheckReport(result));
    }

    private static bool IsClean(string path, bool wholeChain, WorkItem item)
    {
        try
        {
            return Check(path, wholeChain, item).All(result => result.IsClean);
        }
        catch (DiskImageException error) when (IsBrokenHeader(error.Kind))
        {
            item.Verbose(error.Message);
            return false;
        }
    }

    /// <summary>What can be wrong with an image that is there and can be read.</summary>
    private static bool IsBrokenHeader(ErrorKind kind)
        => kind is ErrorKind.ImageCorrupt or ErrorKind.ImageNotRecognized or ErrorKind.InvalidSize or ErrorKind.InvalidGeometry;

    private static IEnumerable<CheckResult> Check(string path, bool wholeChain, WorkItem item)
        => wholeChain
            ? DescribeImage.RunChain(path).Where((link, depth) => depth == 0 || IsQed(link, item)).Select(link => Check(link.Path, item))
            : [Check(path, item)];

    private static CheckResult Check(string path, WorkItem item)
        => CheckImage.Run(new CheckImageOptions { Path = path }, item.Progress, item.Logger, item.Cancellation);

    private static bool IsQed(ImageDescription link, WorkItem item)
    {
        if (link.Format == "qed")
            return true;
        item.Verbose($"'{link.Path}' has the format {link.Format}, which has no tables to check.");
        return false;
    }
}
