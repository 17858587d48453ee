namespace Qed.Storage;

/// <summary>The numbers of Linux's errors (errno.h).</summary>
internal static class LinuxError
{
    internal const int Eperm = 1;
    internal const int Enoent = 2;
    internal const int Eintr = 4;
    internal const int Eio = 5;
    internal const int Enxio = 6;
    internal const int Eagain = 11;
    internal const int Eacces = 13;
    internal const int Ebusy = 16;
    internal const int Eexist = 17;
    internal const int Enotdir = 20;
    internal const int Einval = 22;
    internal const int Efbig = 27;
    internal const int Enospc = 28;
    internal const int Erofs = 30;
    internal const int Enametoolong = 36;
    internal const int Enolck = 37;
    internal const int Enosys = 38;
    internal const int Eloop = 40;
    internal const int Enotsup = 95;
    internal const int Edquot = 122;
}
