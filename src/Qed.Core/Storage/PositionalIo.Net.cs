using System;
using System.IO;
using Microsoft.Win32.SafeHandles;

namespace Qed.Storage;

/// <summary>Positional reads and writes through <see cref="RandomAccess"/> (.NET 8 and later).</summary>
internal sealed class PositionalIo : IDisposable
{
    private PositionalIo(SafeFileHandle handle) => Handle = handle;

    internal SafeFileHandle Handle { get; }

    internal static PositionalIo Open(string path, FileMode mode, FileAccess access, FileShare share)
        => new(File.OpenHandle(path, mode, access, share));

    /// <summary>Reads until the buffer is full or the file ends.</summary>
    internal int Read(long offset, Span<byte> buffer)
    {
        int total = 0;
        while (total < buffer.Length)
        {
            int read = RandomAccess.Read(Handle, buffer.Slice(total), offset + total);
            if (read == 0)
                break;
            total += read;
        }

        return total;
    }

    internal void Write(long offset, ReadOnlySpan<byte> buffer) => RandomAccess.Write(Handle, buffer, offset);

    internal void SetLength(long length) => RandomAccess.SetLength(Handle, length);

    internal long GetLength() => RandomAccess.GetLength(Handle);

    internal void Flush() => RandomAccess.FlushToDisk(Handle);

    public void Dispose() => Handle.Dispose();
}
