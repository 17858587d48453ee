using System;
using System.Text;
using Qed.Images;

namespace Qed.Formats.Qcow2;

/// <summary>The first cluster of a new image: header, extensions, backing file name. Made before anything is written, since they may not fit.</summary>
internal sealed class HeaderCluster
{
    private readonly byte[] _bytes;
    private readonly int _nameOffset;
    private readonly int _nameLength;

    /// <param name="geometry">Of the new image.</param>
    /// <param name="backing">Its backing file; null for none.</param>
    /// <param name="backingFormat">The name of its format as QEMU has it; null where it is to be probed.</param>
    /// <param name="path">The new image, for messages.</param>
    /// <exception cref="DiskImageException">BackingFileRefused for a name that is empty, too long, or does not fit the cluster.</exception>
    internal HeaderCluster(Qcow2Geometry geometry, BackingReference? backing, string? backingFormat, string path)
    {
        byte[] name = backing is null ? [] : Encoding.UTF8.GetBytes(backing.Name);
        byte[] format = backingFormat is null ? [] : Encoding.ASCII.GetBytes(backingFormat);
        byte[] features = FeatureNameTable.Encode();
        int needed = Qcow2Header.Length + (format.Length > 0 ? HeaderExtensions.PaddedLength(format.Length) : 0) + HeaderExtensions.HeadBytes + name.Length;
        // The names of features only help others to explain: in the smallest clusters they give way.
        bool hasFeatures = needed + HeaderExtensions.PaddedLength(features.Length) <= geometry.ClusterSize;
        if (backing is not null)
            RequireName(name.Length, Math.Min(Qcow2Header.MaximumNameLength, geometry.ClusterSize - (needed - name.Length)), path);

        _bytes = new byte[needed + (hasFeatures ? HeaderExtensions.PaddedLength(features.Length) : 0)];
        int offset = Qcow2Header.Length;
        if (format.Length > 0)
            offset += HeaderExtensions.Write(_bytes.AsSpan(offset), HeaderExtensions.BackingFormatTag, format);
        if (hasFeatures)
            offset += HeaderExtensions.Write(_bytes.AsSpan(offset), HeaderExtensions.FeatureNamesTag, features);
        offset += HeaderExtensions.Write(_bytes.AsSpan(offset), HeaderExtensions.EndTag, []);
        name.CopyTo(_bytes, offset);
        _nameOffset = backing is null ? 0 : offset;
        _nameLength = name.Length;
    }

    /// <summary>The bytes to write at the start of the file.</summary>
    internal byte[] Encode(Qcow2Header header)
    {
        header.Write(_bytes, _nameOffset, _nameLength);
        return _bytes;
    }

    private static void RequireName(int length, int most, string path)
    {
        if (length > 0 && length <= most)
            return;
        throw new DiskImageException(ErrorKind.BackingFileRefused, $"a backing file name must have 1 to {most} bytes of UTF-8 here, this one has {length}", path)
        {
            Remedy = Remedy.Advice("Use a path relative to the image, a shorter one, or a larger cluster size."),
        };
    }
}
