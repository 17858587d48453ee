using System;
using Qed.Storage;

namespace Qed.Formats.Vhd;

/// <summary>A footer and where it was found.</summary>
/// <param name="Footer">The footer.</param>
/// <param name="DataEnd">Host offset at which the guest's bytes or blocks must have ended.</param>
/// <param name="IsCopy">Whether it is the copy at the start of the file, the one at the end being damaged.</param>
/// <param name="Doubt">What a user should know of it; null where all is well.</param>
internal readonly record struct FoundFooter(VhdFooter Footer, long DataEnd, bool IsCopy, string? Doubt);

/// <summary>Finds the footer of a file: at its end, or what is left of it at its start.</summary>
internal static class VhdFooterReader
{
    /// <summary>Reads the footer.</summary>
    /// <exception cref="DiskImageException">ImageNotRecognized without any footer; ImageCorrupt where none is whole; UnsupportedFeature.</exception>
    internal static FoundFooter Read(BlockStorage storage)
    {
        long length = storage.Length;
        byte[] end = ReadAt(storage, Math.Max(0, length - VhdFooter.Size));
        int inEnd = PlaceInEnd(end);
        if (inEnd >= 0)
        {
            long offset = length - end.Length + inEnd;
            Span<byte> footer = end.AsSpan(inEnd);
            string? doubt = DiffersFromCopy(footer, storage) ? "its footer and the copy of it at the start of the file differ, and the footer counts" : null;
            return new FoundFooter(VhdFooter.Read(footer, storage.Path, offset), offset, IsCopy: false, doubt);
        }

        byte[] start = ReadAt(storage, 0);
        // A fixed disk has no copy: what stands at its start is the guest's.
        if (VhdFooter.IsValid(start) && VhdFooter.TypeOf(start) != VhdDiskType.Fixed)
            return new FoundFooter(VhdFooter.Read(start, storage.Path, 0), length, IsCopy: true, "its footer is damaged, and the copy of it at the start of the file counts");
        throw VhdFooter.HasCookie(start) || VhdFooter.HasCookie(end)
            ? Damaged(storage.Path, length, canBeFixed: !VhdFooter.HasCookie(start))
            : new DiskImageException(ErrorKind.ImageNotRecognized, "the footer of a VHD image is missing", storage.Path);
    }

    /// <summary>Where in the last 512 bytes of a file a footer stands whose checksum is right; -1 where none does.</summary>
    internal static int PlaceInEnd(ReadOnlySpan<byte> end)
    {
        if (VhdFooter.IsValid(end))
            return 0;
        int first = end.Length - VhdFooter.ShortSize;
        return first > 0 && VhdFooter.IsValid(end.Slice(first)) ? first : -1;
    }

    /// <summary>Whether the copy, where there is one that is whole, describes another disk: its place, size, type or id.</summary>
    private static bool DiffersFromCopy(ReadOnlySpan<byte> footer, BlockStorage storage)
    {
        ReadOnlySpan<byte> copy = ReadAt(storage, 0);
        if (VhdFooter.TypeOf(footer) == VhdDiskType.Fixed || !VhdFooter.IsValid(copy))
            return false;
        foreach ((int offset, int length) in new[] { (16, 8), (48, 8), (60, 4), (68, 16) })
        {
            if (!copy.Slice(offset, length).SequenceEqual(footer.Slice(offset, length)))
                return true;
        }

        return false;
    }

    private static byte[] ReadAt(BlockStorage storage, long offset)
    {
        byte[] bytes = new byte[VhdFooter.Size];
        int read = storage.Read(offset, bytes);
        Array.Resize(ref bytes, read);
        return bytes;
    }

    private static DiskImageException Damaged(string path, long length, bool canBeFixed)
        => new(ErrorKind.ImageCorrupt, "the checksum of the footer is wrong and there is no good copy of it", path)
        {
            Structure = "VHD footer",
            Offset = Math.Max(0, length - VhdFooter.Size),
            // Only other kinds start with a copy; read as raw, their tables would pass for the guest's bytes.
            Remedy = canBeFixed ? new(RemedyKind.SayFormat, "raw", "To read the contents of a fixed disk all the same") : null,
        };
}
