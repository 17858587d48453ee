using System.Globalization;
using System.Management.Automation;

namespace Qed.PowerShell.Drawing;

/// <summary>Reads extents as Get-QedImageMap gives them, live or as they come back from another host.</summary>
internal static class ExtentObject
{
    private const string Serialized = "Deserialized.Qed.ImageExtent";

    /// <summary>The run; null where an object is no extent.</summary>
    internal static MappedExtent? RunOf(PSObject value)
    {
        if (value.BaseObject is ImageExtent extent)
            return extent.Run;
        if (!value.TypeNames.Contains(Serialized))
            return null;
        return new MappedExtent(
            Member<long>(value, nameof(ImageExtent.Offset)),
            Member<long>(value, nameof(ImageExtent.Length)),
            Member<ExtentKind>(value, nameof(ImageExtent.Kind)),
            value.Properties[nameof(ImageExtent.HostOffset)]?.Value is null ? null : Member<long>(value, nameof(ImageExtent.HostOffset)),
            Member<int>(value, nameof(ImageExtent.Depth)),
            value.Properties[nameof(ImageExtent.HostPath)]?.Value as string);
    }

    /// <summary>The image that an extent is of.</summary>
    internal static string PathOf(PSObject value) => Member<string>(value, nameof(ImageExtent.Path));

    private static T Member<T>(PSObject value, string name)
        => (T)LanguagePrimitives.ConvertTo(value.Properties[name].Value, typeof(T), CultureInfo.InvariantCulture);
}
