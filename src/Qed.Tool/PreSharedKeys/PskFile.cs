using System;
using System.Buffers;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Security.Cryptography;
using System.Text;

namespace Qed.Tool.PreSharedKeys;

/// <summary>
/// GnuTLS's file of keys: <c>user:key</c> on each line, the key in hexadecimal, and the name, too, where it stands behind a
/// <c>#</c>. Any other line that begins with <c>#</c> is a comment. What is wrong is told by its line's number, and never by what stands there.
/// </summary>
internal static class PskFile
{
    private const byte Mark = (byte)'#';

    /// <summary>Reads a file.</summary>
    /// <returns>The keys by their users' names, each character of which is one byte.</returns>
    /// <exception cref="DiskImageException">ImageNotFound, AccessDenied, ImageNotRecognized: the file is not there, cannot be read, or is none.</exception>
    internal static Dictionary<string, byte[]> Read(string path)
    {
        byte[] text = ReadAll(path);
        try
        {
            Dictionary<string, byte[]> keys = Parse(text, path);
            return keys.Count > 0 ? keys : throw new DiskImageException(ErrorKind.ImageNotRecognized, "it has no keys", path);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(text);
        }
    }

    private static byte[] ReadAll(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new DiskImageException(ErrorKind.ImageNotFound, "no such file", path, error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new DiskImageException(ErrorKind.AccessDenied, "the keys cannot be read: " + error.Message.TrimEnd('.'), path, error);
        }
    }

    private static Dictionary<string, byte[]> Parse(ReadOnlySpan<byte> text, string path)
    {
        var keys = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        if (text.StartsWith(Encoding.UTF8.Preamble))
            text = text[Encoding.UTF8.Preamble.Length..];
        int number = 0;
        foreach (Range range in text.Split((byte)'\n'))
        {
            number++;
            ReadOnlySpan<byte> line = text[range].TrimEnd(" \t\r"u8);
            int colon = line.IndexOf((byte)':');
            byte[]? name = colon < 0 ? null : NameOf(line[..colon]);
            if (line.IsEmpty || (name is null && line[0] == Mark))
                continue;
            if (name is not { Length: > 0 })
                throw Wrong("it is not of the form user:key");
            byte[] key = TryHex(line[(colon + 1)..])
                ?? throw Wrong("the key is not in hexadecimal, of two digits for each byte");
            if (key.Length == 0)
                throw Wrong("the key is empty");
            if (!keys.TryAdd(Encoding.Latin1.GetString(name), key))
                throw Wrong("its user has a key on an earlier line");
        }

        return keys;

        DiskImageException Wrong(string rule)
            => new(ErrorKind.ImageNotRecognized, string.Create(CultureInfo.InvariantCulture, $"line {number}: {rule}"), path);
    }

    private static byte[]? NameOf(ReadOnlySpan<byte> text)
        => !text.IsEmpty && text[0] == Mark ? TryHex(text[1..]) : text.ToArray();

    private static byte[]? TryHex(ReadOnlySpan<byte> digits)
    {
        byte[] bytes = new byte[digits.Length / 2];
        return Convert.FromHexString(digits, bytes, out _, out int written) == OperationStatus.Done && written * 2 == digits.Length ? bytes : null;
    }
}
