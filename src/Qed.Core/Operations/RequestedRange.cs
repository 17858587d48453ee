using Qed.Images;
using Qed.Units;
using static Qed.Invariant;

namespace Qed.Operations;

/// <summary>Which part of the guest's disk a user asked for.</summary>
internal static class RequestedRange
{
    /// <summary>The range that was asked for; its length may be zero.</summary>
    /// <param name="image">The disk.</param>
    /// <param name="offset">Bytes from its start.</param>
    /// <param name="length">Bytes of the range; null for all up to the end of the disk.</param>
    /// <exception cref="DiskImageException">InvalidSize, naming the size of the disk, where the range does not lie within it.</exception>
    internal static GuestRange Of(DiskImage image, long offset, long? length)
    {
        if (offset < 0 || length < 0 || offset > image.Length - (length ?? 0))
            throw Outside(image, offset, length);
        return new GuestRange(new GuestOffset(offset), length ?? image.Length - offset);
    }

    internal static DiskImageException Outside(DiskImage image, long offset, long? length)
    {
        string bytes = length is { } count ? $"{Text(count)} bytes at offset {Text(offset)}" : $"offset {Text(offset)}";
        bool startsInside = offset >= 0 && offset <= image.Length;
        return new DiskImageException(ErrorKind.InvalidSize, $"{bytes} reach beyond the disk, whose size is {Text(image.Length)} bytes", image.Path)
        {
            Remedy = startsInside ? Remedy.Advice($"From that offset on it has {Text(image.Length - offset)} bytes.") : null,
        };
    }
}
