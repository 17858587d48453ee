using System.Text.Json;
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
        WriteSnapshots(json, image);
        json.WriteNumber("virtual-size", image.Size);
        json.WriteString("filename", name);
        if (image.ClusterSize is { } clusterSize)
            json.WriteNumber("cluster-size", clusterSize);
        json.WriteString("format", FormatInfo.ByName(image.Format).QemuName);
        if (image.AllocatedSize is { } allocated)
            json.WriteNumber("actual-size", allocated);
        WriteProperties(json, image);
        if (image.BackingPath is { } backing)
        {
            json.WriteString("full-backing-filename", GivenPaths.BackingOf(name, backing));
            json.WriteString("backing-filename", backing);
        }

        json.WriteBoolean("dirty-flag", image.NeedsCheck == true);
        json.WriteEndObject();
    }

    private static void WriteSnapshots(Utf8JsonWriter json, ImageDescription image)
    {
        if (image.Snapshots.Count == 0)
            return;
        json.WriteStartArray("snapshots");
        foreach (string name in image.Snapshots)
        {
            json.WriteStartObject();
            json.WriteString("name", name);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteProperties(Utf8JsonWriter json, ImageDescription image)
    {
        if (image.Properties.Count == 0)
            return;
        json.WriteStartObject("format-specific");
        json.WriteString("type", FormatInfo.ByName(image.Format).QemuName);
        json.WriteStartObject("data");
        foreach (FormatProperty property in image.Properties)
        {
            json.WritePropertyName(property.Name);
            if (property.IsLiteral)
                json.WriteRawValue(property.Text);
            else
                json.WriteStringValue(property.Text);
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }
}
