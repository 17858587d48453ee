using System;
using System.Globalization;
using System.Text;
using static Qed.Invariant;

namespace Qed.Formats.Vmdk;

/// <summary>Writes the descriptor of a disk of one extent.</summary>
internal static class DescriptorWriter
{
    /// <summary>Sectors that are set aside for an embedded descriptor, as every writer does.</summary>
    internal const int EmbeddedSectors = 20;

    // QEMU's bound for the name of a parent.
    private const int LongestName = 1023;

    /// <summary>The text of a new disk's descriptor.</summary>
    /// <param name="descriptor">What to say; its one extent is written as it stands.</param>
    /// <param name="path">The image, for errors.</param>
    /// <exception cref="DiskImageException">UnsupportedFeature for a name that cannot be written.</exception>
    internal static byte[] Write(Descriptor descriptor, string path)
    {
        DescriptorExtent extent = descriptor.Extents[0];
        var text = new StringBuilder();
        text.Append("# Disk DescriptorFile\nversion=1\nencoding=\"UTF-8\"\n");
        text.Append("CID=").Append(Hexadecimal(descriptor.ContentId)).Append('\n');
        text.Append("parentCID=").Append(Hexadecimal(descriptor.ParentContentId)).Append('\n');
        text.Append("createType=\"").Append(descriptor.CreateType).Append("\"\n");
        if (descriptor.ParentName is { } parent)
            text.Append("parentFileNameHint=\"").Append(Quotable(parent, path)).Append("\"\n");
        text.Append("\n# Extent description\nRW ").Append(Text(extent.Sectors)).Append(' ').Append(extent.TypeName);
        text.Append(" \"").Append(Quotable(extent.FileName!, path)).Append('"');
        // Readers want the place in the file for flat extents, and for those only.
        text.Append(extent.Type == DescriptorExtentType.Flat ? " 0\n" : "\n");
        text.Append("\n# The Disk Data Base\n#DDB\n\nddb.virtualHWVersion = \"4\"\n");
        VmdkGeometry geometry = VmdkGeometry.For(extent.Sectors);
        AppendData(text, "geometry.cylinders", Text(geometry.Cylinders));
        AppendData(text, "geometry.heads", Text(geometry.Heads));
        AppendData(text, "geometry.sectors", Text(geometry.Sectors));
        AppendData(text, "adapterType", "lsilogic");
        return new UTF8Encoding(encoderShouldEmitUTF8Identifier: false).GetBytes(text.ToString());
    }

    /// <summary>A content id for a new disk.</summary>
    internal static uint NewContentId()
    {
        // The two highest stand for "no parent" and for a disk that has a longer id.
        uint id = BitConverter.ToUInt32(Guid.NewGuid().ToByteArray(), 0);
        return id >= Descriptor.NoParent - 1 ? 1 : id;
    }

    private static void AppendData(StringBuilder text, string name, string value)
        => text.Append("ddb.").Append(name).Append(" = \"").Append(value).Append("\"\n");

    private static string Quotable(string name, string path)
    {
        bool fits = Encoding.UTF8.GetByteCount(name) <= LongestName;
        foreach (char letter in name)
            fits &= letter != '"' && !char.IsControl(letter);
        return fits ? name : throw new DiskImageException(
            ErrorKind.UnsupportedFeature, $"a VMDK descriptor cannot hold a file name with quotes, control characters or more than {Text(LongestName)} bytes", path)
        {
            Remedy = Remedy.Advice("Choose a simpler name."),
        };
    }

    private static string Hexadecimal(uint id) => id.ToString("x8", CultureInfo.InvariantCulture);
}
