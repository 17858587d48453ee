using System;
using System.Text;

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
}
