using System.Management.Automation;
using Qed.Formats;
using Qed.Operations;
using Qed.PowerShell.Binding;

namespace Qed.PowerShell.Commands;

/// <summary>Describes disk images of any format from their headers; changes nothing.</summary>
[Cmdlet(VerbsCommon.Get, "QedImageInfo", DefaultParameterSetName = LiteralPathSet, HelpUri = HelpPage.Folder + "Get-QedImageInfo.md")]
[OutputType(typeof(ImageInfo))]
public sealed class GetQedImageInfoCommand : SourceCmdlet
{
    /// <summary>Also describes what the image rests on, from the top down.</summary>
    [Parameter]
    public SwitchParameter BackingChain { get; set; }

    private protected override void ProcessImage(string path)
    {
        string? format = SourceFormat;
        if (!BackingChain)
        {
            Start(path, item => item.Emit(new ImageInfo(DescribeImage.Run(path, format, RawFallback.Recognised))));
            return;
        }

        Start(path, item =>
        {
            foreach (ImageDescription link in DescribeImage.RunChain(path, format, RawFallback.Recognised))
            {
                item.Cancellation.ThrowIfCancellationRequested();
                item.Emit(new ImageInfo(link));
            }
        });
    }
}
