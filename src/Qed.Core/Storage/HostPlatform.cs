using System.Runtime.InteropServices;

namespace Qed.Storage;

/// <summary>Which of the two supported hosts this is; on any other one the optional abilities are simply absent.</summary>
internal static class HostPlatform
{
    internal static readonly bool IsLinux = RuntimeInformation.IsOSPlatform(OSPlatform.Linux);
    internal static readonly bool IsWindows = RuntimeInformation.IsOSPlatform(OSPlatform.Windows);

#if NET
    internal static int ProcessId => System.Environment.ProcessId;
#else
    internal static int ProcessId => System.Diagnostics.Process.GetCurrentProcess().Id;
#endif
}
