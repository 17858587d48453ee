using System.Diagnostics;
using System.Linq;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Qed.Storage;

namespace System.IO;

/// <summary>What .NET has for files and .NET Framework has not, as far as the tests ask for it.</summary>
internal static class FilePolyfills
{
    extension(Directory)
    {
        internal static DirectoryInfo CreateTempSubdirectory(string prefix)
            => Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), prefix + Guid.NewGuid().ToString("N")));
    }

    extension(File)
    {
        internal static FileSystemInfo CreateSymbolicLink(string path, string target)
            => Symlink(target, path) == 0 ? new FileInfo(path) : throw new IOException("no symbolic link can be made as " + path);

        internal static void Move(string path, string target, bool overwrite)
        {
            if (overwrite)
                File.Delete(target);
            File.Move(path, target);
        }

        internal static SafeFileHandle OpenHandle(string path, FileMode mode = FileMode.Open, FileAccess access = FileAccess.Read, FileShare share = FileShare.Read)
        {
            // Mono's does not own its handle, which then would never be closed.
            var file = new FileStream(path, mode, access, share, 1);
            GC.SuppressFinalize(file);
            GC.SuppressFinalize(file.SafeFileHandle);
            return new SafeFileHandle(file.SafeFileHandle.DangerousGetHandle(), ownsHandle: true);
        }
    }

    extension(Stream stream)
    {
        internal void Write(ReadOnlySpan<byte> bytes) => stream.Write(bytes.ToArray(), 0, bytes.Length);

        internal int Read(Span<byte> bytes)
        {
            byte[] buffer = new byte[bytes.Length];
            int count = stream.Read(buffer, 0, buffer.Length);
            buffer.AsSpan(0, count).CopyTo(bytes);
            return count;
        }

        internal void ReadExactly(Span<byte> bytes)
        {
            while (!bytes.IsEmpty)
            {
                int count = stream.Read(bytes);
                if (count == 0)
                    throw new EndOfStreamException();
                bytes = bytes.Slice(count);
            }
        }

        internal void ReadExactly(byte[] buffer, int offset, int count) => stream.ReadExactly(buffer.AsSpan(offset, count));
    }

    extension(FileInfo file)
    {
        /// <summary>Where a link leads to.</summary>
        internal string? LinkTarget
        {
            get
            {
                byte[] target = new byte[4096];
                int length = (int)ReadLink(file.FullName, target, (IntPtr)target.Length);
                return length < 0 ? null : Text.Encoding.UTF8.GetString(target, 0, length);
            }
        }
    }

    [DllImport("libc", EntryPoint = "readlink")]
    private static extern IntPtr ReadLink(string path, byte[] target, IntPtr size);

    [DllImport("libc", EntryPoint = "symlink")]
    private static extern int Symlink(string target, string path);
}

internal static class FolderPolyfills
{
    extension(Directory)
    {
        internal static FileSystemInfo CreateSymbolicLink(string path, string target) => File.CreateSymbolicLink(path, target);
    }
}

internal static class RandomAccess
{
    internal static void Write(SafeFileHandle file, ReadOnlySpan<byte> bytes, long offset) => new PositionalIo(file).Write(offset, bytes);

    internal static int Read(SafeFileHandle file, Span<byte> bytes, long offset) => new PositionalIo(file).Read(offset, bytes);

    internal static void SetLength(SafeFileHandle file, long length) => new PositionalIo(file).SetLength(length);

    internal static long GetLength(SafeFileHandle file) => new PositionalIo(file).GetLength();
}
