using System;
using System.Text;
using Qed.Images;
using Qed.Layout;
using Qed.Storage;

namespace Qed.Engine;

/// <summary>
/// Writes another backing file name. The new name goes where the old one is not, and is flushed before the header's one
/// sector switches over to it: a crash leaves either name whole.
/// </summary>
internal sealed class BackingNameChange
{
    private const uint Step = QedHeader.MaximumBackingNameSize + 1;

    private readonly BlockStorage _storage;
    private readonly HeaderKeeper _header;

    internal BackingNameChange(BlockStorage storage, HeaderKeeper header)
    {
        _storage = storage;
        _header = header;
    }

    /// <summary>The bytes of a name as QED stores it.</summary>
    /// <exception cref="DiskImageException">BackingFileRefused for a name that is empty or too long.</exception>
    internal static byte[] Encode(string name, string path)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(name);
        if (bytes.Length is 0 or > QedHeader.MaximumBackingNameSize)
        {
            throw new DiskImageException(ErrorKind.BackingFileRefused, $"a backing file name must have 1 to 1023 bytes of UTF-8, this one has {bytes.Length}", path)
            {
                Remedy = Remedy.Advice("Use a path relative to the image, or a shorter one."),
            };
        }

        return bytes;
    }

    /// <summary>The feature bits of a backing file.</summary>
    internal static QedFeatures FeaturesOf(BackingReference backing)
        => QedFeatures.BackingFile | (backing.IsRaw ? QedFeatures.BackingFormatNoProbe : QedFeatures.None);

    /// <summary>Refuses what must not be changed, for those who do other things first.</summary>
    /// <exception cref="DiskImageException">UnsupportedFeature where unknown compatible features forbid it.</exception>
    internal static void RequireAllowed(QedHeader header, string path)
    {
        if (header.CompatibleFeatures == 0)
            return;
        throw new DiskImageException(ErrorKind.UnsupportedFeature, "the image has unknown compatible features, with which its backing file must not be changed", path)
        {
            Structure = "header field compat_features",
            Offset = 24,
            Value = header.CompatibleFeatures,
            Remedy = new(RemedyKind.CopyWithoutFeatures),
        };
    }

    /// <exception cref="DiskImageException">UnsupportedFeature where unknown compatible features forbid it.</exception>
    internal void Apply(BackingReference? backing)
    {
        QedHeader old = _header.Header;
        RequireAllowed(old, _storage.Path);
        const QedFeatures Both = QedFeatures.BackingFile | QedFeatures.BackingFormatNoProbe;
        if (backing is null)
        {
            _header.Update(header => header with { Features = header.Features & ~Both, BackingNameOffset = 0, BackingNameSize = 0 });
            return;
        }

        byte[] name = Encode(backing.Name, _storage.Path);
        uint offset = FreeOffset(old, name.Length);
        _header.BeforeChange();
        _storage.Write(offset, name);
        _storage.Flush();
        _header.Update(header => header with
        {
            Features = (header.Features & ~Both) | FeaturesOf(backing),
            BackingNameOffset = offset,
            BackingNameSize = (uint)name.Length,
        });
    }

    /// <summary>
    /// Whether an image without a backing file once had one of this name: taking a name away leaves its bytes where they were,
    /// and nothing but another name is written there.
    /// </summary>
    internal static bool HadName(BlockStorage storage, string name)
    {
        QedHeader header = QedHeaderReader.Read(storage);
        byte[] wanted = [.. Encoding.UTF8.GetBytes(name), 0];
        if (header.HasBackingFile || wanted.Length == 1 || wanted.Length > Step)
            return false;
        byte[] found = new byte[wanted.Length];
        for (uint offset = QedHeader.BackingNameDefaultOffset; offset + wanted.Length <= header.HeaderBytes && offset < 3 * Step; offset += Step)
        {
            storage.ReadOrZero(offset, found);
            if (found.AsSpan().SequenceEqual(wanted))
                return true;
        }

        return false;
    }

    /// <summary>The first of three places that the old name does not touch: right behind the fixed part, as QEMU has it, or further on.</summary>
    private static uint FreeOffset(QedHeader old, int length)
    {
        uint offset = QedHeader.BackingNameDefaultOffset;
        while (old.HasBackingFile && offset < old.BackingNameOffset + old.BackingNameSize && old.BackingNameOffset < offset + length)
            offset += Step;
        return offset;
    }
}
