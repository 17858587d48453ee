using System.Management.Automation;
using System.Security.Cryptography;
using Qed.Operations;
using Qed.PowerShell.Binding;

namespace Qed.PowerShell.Commands;

/// <summary>Hashes what the guest sees of images, the same for every format that holds the disk; changes nothing.</summary>
[Cmdlet(VerbsCommon.Get, "QedImageHash", DefaultParameterSetName = LiteralPathSet, HelpUri = HelpPage.Folder + "Get-QedImageHash.md")]
[OutputType(typeof(ImageHash))]
public sealed class GetQedImageHashCommand : SourceCmdlet
{
    /// <summary>The algorithm, as Get-FileHash names it.</summary>
    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true)]
    [BlankIsAbsent]
    public HashAlgorithmKind? Algorithm { get; set; }

    private protected override void ProcessImage(string path)
    {
        var options = new HashImageOptions
        {
            Path = path,
            SourceFormat = SourceFormat,
            RawFallback = RawFallback.Recognised,
            Algorithm = new HashAlgorithmName((Algorithm ?? HashAlgorithmKind.SHA256).ToString()),
        };
        Start(path, item => item.Emit(new ImageHash(HashImage.Run(options, item.Progress, item.Logger, item.Cancellation))));
    }
}
