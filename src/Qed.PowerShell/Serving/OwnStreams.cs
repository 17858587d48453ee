using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;

namespace Qed.PowerShell.Serving;

/// <summary>
/// The streams of this process, and who else gets them. Windows hands on all that can be inherited, also to a process that has been
/// given streams of its own: whoever reads what this process says would then wait until that one has ended as well.
/// </summary>
internal static class OwnStreams
{
    private const uint Inherit = 1;

    private static readonly int[] Numbers = [-10, -11, -12];
    private static readonly object Gate = new();

    /// <summary>Starts a process that is handed none of them.</summary>
    internal static Process Withhold(Func<Process> start)
    {
        if (Path.DirectorySeparatorChar == '/')
            return start();
        // One that is started between two others would find none to withhold, and then get those that the first one has handed back.
        lock (Gate)
        {
            IntPtr[] withheld = [.. Numbers.Select(GetStdHandle).Where(IsHandedOn)];
            try
            {
                foreach (IntPtr stream in withheld)
                    SetHandleInformation(stream, Inherit, 0);
                return start();
            }
            finally
            {
                foreach (IntPtr stream in withheld)
                    SetHandleInformation(stream, Inherit, Inherit);
            }
        }
    }

    private static bool IsHandedOn(IntPtr stream)
        => stream != IntPtr.Zero && stream != new IntPtr(-1) && GetHandleInformation(stream, out uint flags) && (flags & Inherit) != 0;

    [DllImport("kernel32")]
    private static extern IntPtr GetStdHandle(int number);

    [DllImport("kernel32")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool GetHandleInformation(IntPtr handle, out uint flags);

    [DllImport("kernel32")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool SetHandleInformation(IntPtr handle, uint which, uint flags);
}
