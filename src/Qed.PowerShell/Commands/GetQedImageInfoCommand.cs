using System.Management.Automation;
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
        var options = new DescribeImageOptions { Path = path, SourceFormat = SourceFormat, RawFallback = RawFallback.Recognised };
        if (!BackingChain)
        {
            Start(path, item => item.Emit(new ImageInfo(DescribeImage.Run(options, item.Progress, item.Logger, item.Cancellation))));
            return;
        }

        Start(path, item =>
        {
            foreach (ImageDescription link in DescribeImage.RunChain(options, item.Progress, item.Logger, item.Cancellation))
                item.Emit(new ImageInfo(link));
        });
    }
}
