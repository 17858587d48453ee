using System;
using System.Management.Automation;

namespace Qed.PowerShell.Binding;

/// <summary>Understands a variant in the words of the formats too, as Get-QedImageInfo tells it and qemu-img takes it.</summary>
internal sealed class SubformatTextAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
    {
        if (inputData is null || (inputData is PSObject wrapped ? wrapped.BaseObject : inputData) is not string text)
            return inputData;
        if (text.Equals("differencing", StringComparison.OrdinalIgnoreCase))
        {
            // Of this class, so that it counts for no parameter where an image says it of itself.
            var reason = new PSInvalidCastException("A differencing image is one with -BackingPath; leave -Subformat out.");
            throw new ArgumentTransformationMetadataException(reason.Message, reason);
        }

        return text.ToLowerInvariant() switch
        {
            "static" or "monolithicflat" or "twogbmaxextentflat" => Subformat.Fixed,
            "monolithicsparse" or "twogbmaxextentsparse" or "version 2" or "version 3" => Subformat.Dynamic,
            _ => text,
        };
    }
}
