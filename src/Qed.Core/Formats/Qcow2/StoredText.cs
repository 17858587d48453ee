using System;
using System.Text;
using Qed.Storage;

namespace Qed.Formats.Qcow2;

/// <summary>Names as the file stores them: UTF-8 without a terminator.</summary>
internal static class StoredText
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Reads a name that other files are found by.</summary>
    /// <exception cref="DiskImageException">ImageCorrupt where it is not text.</exception>
    internal static string Read(ReadOnlySpan<byte> bytes, string what, long offset, BlockStorage storage)
    {
        try
        {
            if (bytes.IndexOf((byte)0) < 0)
                return StrictUtf8.GetString(bytes.ToArray());
            throw new DiskImageException(ErrorKind.ImageCorrupt, $"the {what} holds a NUL byte", storage.Path) { Structure = what, Offset = offset };
        }
        catch (DecoderFallbackException)
        {
            throw new DiskImageException(ErrorKind.ImageCorrupt, $"the {what} is not valid UTF-8", storage.Path) { Structure = what, Offset = offset };
        }
    }

    /// <summary>Reads a name that is only shown and compared: what is no text in it becomes replacement characters.</summary>
    internal static string ReadLoosely(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes.ToArray());
}
