#if NET
using System;
using System.Runtime.InteropServices;
#endif

namespace Qed.Storage;

/// <summary>
/// A write beyond the limit that a process has for its files (RLIMIT_FSIZE) ends it by the signal SIGXFSZ, with everything else that
/// it does, unless the signal is handled: then the write alone fails, by name (EFBIG).
/// </summary>
internal static class FileSizeSignal
{
#if NET
    private const PosixSignal Number = (PosixSignal)25;

    // Never given up: signals are handled a moment after they came, and one that then finds no handler ends the process all the same.
    private static readonly PosixSignalRegistration? Registration
        = HostPlatform.IsLinux ? PosixSignalRegistration.Create(Number, context => context.Cancel = true) : null;
#endif

    /// <summary>Called before a file is written.</summary>
    internal static void Handle()
    {
#if NET
        GC.KeepAlive(Registration);
#endif
    }
}
