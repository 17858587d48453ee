using System.Text.Json;
using Qed.Formats;
using Qed.Operations;

namespace Qed.Tool.Output;

/// <summary>A description of an image as qemu-img writes it for scripts.</summary>
internal static class ImageInfoJson
{
    internal static void Write(Utf8JsonWriter json, string name, ImageDescription image)
    {
        json.WriteStartObject();
        if (image.BackingFormat is { } backingFormat)
            json.WriteString("backing-filename-format", backingFormat);
        json.WriteNumber("virtual-size", image.Size);
        json.WriteString("filename", name);
        if (image.ClusterSize is { } clusterSize)
            json.WriteNumber("cluster-size", clusterSize);
        json.WriteString("format", FormatRegistry.ByName(image.Format).QemuName);
        if (image.AllocatedSize is { } allocated)
            json.WriteNumber("actual-size", allocated);
        if (image.BackingPath is { } backing)
        {
            json.WriteString("full-backing-filename", GivenPaths.BackingOf(name, backing));
            json.WriteString("backing-filename", backing);
        }

        json.WriteBoolean("dirty-flag", image.NeedsCheck == true);
        json.WriteEndObject();
    }
}
