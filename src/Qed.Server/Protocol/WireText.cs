using System;
using System.Text;

namespace Qed.Server.Protocol;

/// <summary>Texts as the protocol has them: UTF-8, of at most 4096 bytes.</summary>
internal static class WireText
{
    /// <summary>The longest text in bytes: the NBD specification, "Strings".</summary>
    internal const int MaximumBytes = 4096;

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The bytes of a text, its end cut off where it is too long.</summary>
    internal static byte[] Cut(string text)
    {
        // Four bytes are the most that a character takes, so this cuts between characters.
        string shortened = text.Length > MaximumBytes / 4 ? text.Substring(0, MaximumBytes / 4) : text;
        return Encoding.UTF8.GetBytes(shortened);
    }

    /// <summary>The bytes of a name, which is never cut: it would be another one.</summary>
    /// <exception cref="ArgumentException">It is longer than a name can be.</exception>
    internal static byte[] Name(string name)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(name);
        return bytes.Length <= MaximumBytes ? bytes : throw new ArgumentException("A name takes 4096 bytes at most.", nameof(name));
    }

    /// <summary>The text that bytes stand for; null where they stand for none.</summary>
    internal static string? TryRead(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > MaximumBytes)
            return null;
        try
        {
            return Strict.GetString(bytes.ToArray());
        }
        catch (ArgumentException)
        {
            return null;
        }
    }
}
