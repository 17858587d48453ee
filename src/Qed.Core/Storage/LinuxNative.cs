using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Qed.Storage;

/// <summary>The Linux system calls that .NET does not offer, or whose errors it does not report.</summary>
internal static unsafe class LinuxNative
{
    internal const int SeekEnd = 2;
    internal const int SeekData = 3;
    internal const int SeekHole = 4;
    internal const int FallocKeepSize = 1;
    internal const int FallocPunchHole = 2;
    internal const int AdviseWillNeed = 3;
    internal const int AdviseDontNeed = 4;
    internal const int FallocZeroRange = 16;
    internal const int FcntlOfdGetLock = 36;
    internal const int FcntlOfdSetLock = 37;
    internal const short ReadLock = 0;
    internal const short WriteLock = 1;
    internal const short Unlock = 2;
    internal const int AtFdCwd = -100;
    internal const int AtEmptyPath = 0x1000;
    internal const int AtSymlinkNoFollow = 0x100;
    internal const int AtSymlinkFollow = 0x400;
    internal const uint StatxBasicStats = 0x7ff;
    internal const int OpenReadWrite = 2;
    internal const int OpenExclusive = 0x80;
    internal const int OpenPathOnly = 0x200000;
    internal const int OpenCloseOnExec = 0x80000;

    /// <summary>FS_IOC_FIEMAP; architectures that number it otherwise do not know this number.</summary>
    internal const nuint FileMapRequest = 0xc020660b;

    // Two flags of open change places there.
    private static bool IsArm => RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm;

    internal static int OpenDirect => IsArm ? 0x10000 : 0x4000;

    [DllImport("libc", EntryPoint = "lseek", SetLastError = true)]
    internal static extern long LSeek(SafeFileHandle file, long offset, int whence);

    [DllImport("libc", EntryPoint = "fallocate", SetLastError = true)]
    internal static extern int FAllocate(SafeFileHandle file, int mode, long offset, long length);

    /// <returns>The error itself, zero for none.</returns>
    [DllImport("libc", EntryPoint = "posix_fadvise")]
    internal static extern int FAdvise(SafeFileHandle file, long offset, long length, int advice);

    [DllImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    internal static extern int Fcntl(SafeFileHandle file, int command, ref FileLock argument);

    [DllImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static extern int IoControl(SafeFileHandle file, nuint request, ref CloneRange argument);

    [DllImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    internal static extern int IoControl(SafeFileHandle file, nuint request, out int result);

    [DllImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    internal static extern int IoControl(SafeFileHandle file, nuint request, void* argument);

    [DllImport("libc", EntryPoint = "pread", SetLastError = true)]
    internal static extern nint PRead(SafeFileHandle file, byte* buffer, nint count, long offset);

    [DllImport("libc", EntryPoint = "pwrite", SetLastError = true)]
    internal static extern nint PWrite(SafeFileHandle file, byte* buffer, nint count, long offset);

    [DllImport("libc", EntryPoint = "ftruncate", SetLastError = true)]
    internal static extern int FTruncate(SafeFileHandle file, long length);

    [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
    internal static extern int FSync(SafeFileHandle file);

    [DllImport("libc", EntryPoint = "fchmod", SetLastError = true)]
    internal static extern int FChMod(SafeFileHandle file, uint mode);

    [DllImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    internal static extern int FDataSync(SafeFileHandle file);

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    internal static extern SafeFileHandle Open(byte[] path, int flags);

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    private static extern SafeFileHandle Open(byte[] path, int flags, uint mode);

    [DllImport("libc", EntryPoint = "linkat", SetLastError = true)]
    internal static extern int LinkAt(int oldFolder, byte[] oldPath, int newFolder, byte[] newPath, int flags);

    [DllImport("libc", EntryPoint = "fchown", SetLastError = true)]
    internal static extern int FChOwn(SafeFileHandle file, uint user, uint group);

    [DllImport("libc", EntryPoint = "flistxattr", SetLastError = true)]
    internal static extern nint FListXAttr(SafeFileHandle file, byte[] names, nint size);

    [DllImport("libc", EntryPoint = "fgetxattr", SetLastError = true)]
    internal static extern nint FGetXAttr(SafeFileHandle file, byte[] name, byte[] value, nint size);

    [DllImport("libc", EntryPoint = "fsetxattr", SetLastError = true)]
    internal static extern int FSetXAttr(SafeFileHandle file, byte[] name, byte[] value, nint size, int flags);

    [DllImport("libc", EntryPoint = "readlink", SetLastError = true)]
    internal static extern nint ReadLink(byte[] path, byte* buffer, nint size);

    [DllImport("libc", EntryPoint = "statx", SetLastError = true)]
    internal static extern int StatX(int directory, byte[] path, int flags, uint mask, out FileStatus status);

    /// <summary>A path as the system takes it.</summary>
    internal static byte[] NullTerminated(string path) => Encoding.UTF8.GetBytes(path + '\0');

    /// <summary>Creates a file that nobody but its owner may open, for reading and writing.</summary>
    /// <exception cref="System.IO.IOException">The system refuses.</exception>
    internal static SafeFileHandle CreatePrivate(string path)
    {
        const int CreateNew = 0x40 | OpenExclusive;
        const uint OwnersOnly = 0b110_000_000;
        SafeFileHandle handle = Open(NullTerminated(path), OpenReadWrite | OpenCloseOnExec | CreateNew, OwnersOnly);
        return handle.IsInvalid ? throw SystemError.Last() : handle;
    }

    /// <summary>Creates a file without a name in a folder, open for reading and writing (O_TMPFILE).</summary>
    /// <returns>Null where there is no such thing.</returns>
    internal static SafeFileHandle? OpenUnnamed(string folder, uint mode)
    {
        const int Unnamed = 0x400000;
        int isFolder = IsArm ? 0x4000 : 0x10000;
        SafeFileHandle handle = Open(NullTerminated(folder), OpenReadWrite | OpenCloseOnExec | Unnamed | isFolder, mode);
        if (!handle.IsInvalid)
            return handle;
        handle.Dispose();
        return null;
    }

    /// <summary>Lets a range of one file share the blocks of another's (FICLONERANGE).</summary>
    /// <returns>False where the system does not; architectures that number the request otherwise do not know this number.</returns>
    internal static bool Clone(SafeFileHandle target, SafeFileHandle source, ref CloneRange range)
    {
        const nuint CloneRangeRequest = 0x4020940d;
        bool isHeld = false;
        try
        {
            source.DangerousAddRef(ref isHeld);
            range.SourceFile = source.DangerousGetHandle().ToInt64();
            return IoControl(target, CloneRangeRequest, ref range) == 0;
        }
        finally
        {
            if (isHeld)
                source.DangerousRelease();
        }
    }

    /// <summary>struct file_clone_range.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct CloneRange
    {
        internal long SourceFile;
        internal long SourceOffset;
        internal long SourceLength;
        internal long TargetOffset;
    }

    /// <summary>struct flock, as 64-bit Linux lays it out.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct FileLock
    {
        internal short Type;
        internal short Whence;
        internal long Start;
        internal long Length;
        internal int ProcessId;
    }

    /// <summary>The part of struct statx that is used; its layout is the same on every architecture.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    internal struct FileStatus
    {
        [FieldOffset(16)]
        internal uint Links;

        [FieldOffset(20)]
        internal uint User;

        [FieldOffset(24)]
        internal uint Group;

        [FieldOffset(28)]
        internal ushort Mode;

        [FieldOffset(32)]
        internal ulong Inode;

        [FieldOffset(40)]
        internal ulong Size;

        [FieldOffset(48)]
        internal ulong Blocks;

        /// <summary>Of a device node, which device it stands for.</summary>
        [FieldOffset(128)]
        internal uint NodeMajor;

        [FieldOffset(132)]
        internal uint NodeMinor;

        [FieldOffset(136)]
        internal uint DeviceMajor;

        [FieldOffset(140)]
        internal uint DeviceMinor;

        internal readonly FileType Type => (FileType)(Mode & 0xf000);
    }
}
