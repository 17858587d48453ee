using System.Collections.Generic;
using Qed.Images;

namespace Qed.Formats.Vhd;

/// <summary>What footer and header say about a VHD, in words.</summary>
internal static class VhdDetails
{
    internal static ImageDetails Of(FoundFooter found, VhdDynamicHeader? header = null)
    {
        var features = new List<string>();
        if (found.IsCopy)
            features.Add("footer damaged, copy used");
        if (found.Footer.IsSavedState)
            features.Add("saved state");
        if (found.Footer.IsTemporary)
            features.Add("temporary");
        return new ImageDetails
        {
            Subformat = found.Footer.Type switch
            {
                VhdDiskType.Fixed => "fixed",
                VhdDiskType.Dynamic => "dynamic",
                _ => "differencing",
            },
            ClusterSize = header?.BlockSize,
            Features = features,
        };
    }
}
