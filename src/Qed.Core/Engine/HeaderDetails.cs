using System;
using System.Collections.Generic;
using Qed.Images;
using Qed.Layout;

namespace Qed.Engine;

/// <summary>What an image's header says, for those who describe the image.</summary>
internal static class HeaderDetails
{
    internal static ImageDetails Of(QedHeader header)
    {
        var features = new List<string>();
        foreach (QedFeatures feature in new[] { QedFeatures.BackingFile, QedFeatures.NeedCheck, QedFeatures.BackingFormatNoProbe })
        {
            if ((header.Features & feature) != 0)
                features.Add(feature.ToString());
        }

        AddUnknown(features, "UnknownCompatible", header.CompatibleFeatures);
        if (header.RepairMark is { } mark)
            features.Add(mark.IsUnfinished ? "RepairUnfinished" : "RepairUndoable");
        else
            AddUnknown(features, "UnknownAutoclear", header.AutoclearFeatures);
        return new ImageDetails
        {
            ClusterSize = header.Geometry.ClusterSize,
            TableSize = header.Geometry.TableSize,
            MaximumSize = header.Geometry.MaximumImageSize,
            NeedsCheck = header.NeedsCheck,
            Features = features,
        };
    }

    private static void AddUnknown(List<string> features, string name, ulong bits)
    {
        for (int bit = 0; bit < 64; bit++)
        {
            if ((bits >> bit & 1) != 0)
                features.Add(FormattableString.Invariant($"{name}{bit}"));
        }
    }
}
