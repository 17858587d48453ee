using System.Text;
using Qed.Operations;
using static Qed.Tool.Output.Digits;

namespace Qed.Tool.Output;

/// <summary>A description of an image as qemu-img writes it for people.</summary>
internal static class ImageInfoText
{
    internal static string Of(string name, ImageDescription image)
    {
        var text = new StringBuilder();
        void Line(string label, string value) => text.Append(label).Append(": ").Append(Printable.Text(value)).AppendLine();

        Line("image", name);
        Line("file format", FormatInfo.ByName(image.Format).QemuName);
        Line("virtual size", $"{ByteSize.FormatShort(image.Size)} ({Number(image.Size)} bytes)");
        Line("disk size", image.AllocatedSize is { } allocated ? ByteSize.FormatShort(allocated) : "unavailable");
        if (image.ClusterSize is { } clusterSize)
            Line("cluster_size", Number(clusterSize));
        if (image.NeedsCheck == true)
            Line("cleanly shut down", "no");
        if (image.BackingPath is { } backing)
        {
            string path = GivenPaths.BackingOf(name, backing);
            Line("backing file", path == backing ? backing : $"{backing} (actual path: {path})");
            if (image.BackingFormat is { } format)
                Line("backing file format", format);
        }

        if (image.Snapshots.Count > 0)
            Line("internal snapshots", string.Join(", ", image.Snapshots));
        if (image.Properties.Count > 0)
            text.AppendLine("Format specific information:");
        foreach (FormatProperty property in image.Properties)
            Line("    " + property.Name.Replace('-', ' '), property.Text);
        return text.ToString();
    }
}
