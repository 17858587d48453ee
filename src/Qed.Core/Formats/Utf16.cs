using System;
using System.Text;
using Qed.Storage;

namespace Qed.Formats;

/// <summary>Names in UTF-16, as Microsoft's formats store them.</summary>
internal static class Utf16
{
    /// <summary>The characters up to the first NUL, or all of them.</summary>
    internal static string Decode(ReadOnlySpan<byte> bytes, bool isBigEndian)
    {
        Encoding encoding = isBigEndian ? Encoding.BigEndianUnicode : Encoding.Unicode;
        string text = encoding.GetString(bytes.Slice(0, bytes.Length & ~1).ToArray());
        int end = text.IndexOf('\0');
        return end < 0 ? text : text.Substring(0, end);
    }

    /// <summary>The bytes of a name, without a NUL.</summary>
    internal static byte[] Encode(string text, bool isBigEndian)
        => (isBigEndian ? Encoding.BigEndianUnicode : Encoding.Unicode).GetBytes(text);

    /// <summary>Throws where a parent's path cannot be stored so that the parent is found by it.</summary>
    /// <param name="parentPath">The parent's path as it is to be stored.</param>
    /// <param name="format">The format as people write it.</param>
    /// <param name="path">The image that is to name the parent.</param>
    /// <exception cref="DiskImageException">BackingFileRefused.</exception>
    internal static void RequireStorable(string parentPath, string format, string path)
    {
        // Paths stand in the file as Windows has them, so this would come back as two names.
        string? fault = !HostPlatform.IsWindows && parentPath.AsSpan().IndexOf('\\') >= 0 ? "with a backslash in its path"
            : !IsUnicode(parentPath) ? "whose path is not valid Unicode"
            : null;
        if (fault is null)
            return;
        throw new DiskImageException(ErrorKind.BackingFileRefused, $"a {format} cannot name a parent {fault}: '{parentPath}'", path)
        {
            Remedy = Remedy.Advice("Rename the parent, or the folder that is called so."),
        };
    }

    /// <summary>Whether a text has no half of a surrogate pair, which Windows allows in names and which no encoding can write.</summary>
    private static bool IsUnicode(string text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
                i++;
            else if (char.IsSurrogate(text[i]))
                return false;
        }

        return true;
    }
}
