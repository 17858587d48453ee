using System.Management.Automation;
using Qed.Operations;
using Qed.PowerShell.Binding;

namespace Qed.PowerShell.Commands;

/// <summary>Tells where each part of an image's disk lies, in the image and in what it rests on; changes nothing.</summary>
[Cmdlet(VerbsCommon.Get, "QedImageMap", DefaultParameterSetName = LiteralPathSet, HelpUri = HelpPage.Folder + "Get-QedImageMap.md")]
[OutputType(typeof(ImageExtent))]
public sealed class GetQedImageMapCommand : SourceCmdlet
{
    /// <summary>Tells only what the image itself says; nothing that it rests on is opened.</summary>
    [Parameter]
    public SwitchParameter Top { get; set; }

    private protected override void ProcessImage(string path)
    {
        path = PathResolver.FullPath(path);
        var options = new MapImageOptions { Path = path, SourceFormat = SourceFormat, RawFallback = RawFallback.Recognised, TopOnly = Top };
        Start(path, item =>
        {
            foreach (MappedExtent run in MapImage.Run(options, item.Progress, item.Logger, item.Cancellation))
                item.Emit(new ImageExtent(path, run));
        });
    }
}
