using System;
using System.IO;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Threading;
using Xunit;

namespace Qed.Tests.Support;

/// <summary>Runs code without root's right to open everything, on a thread of its own: Linux keeps the file system user for each thread.</summary>
internal static class OtherUser
{
    private const uint Nobody = 65534;

    /// <summary>Skips the test where nobody can be somebody else.</summary>
    internal static void Require() => Assert.SkipUnless(OperatingSystem.IsLinux(), "permissions are taken away the Linux way");

    /// <summary>Runs an action as somebody who must not read a file; skips the test where the system lets them all the same.</summary>
    internal static void Run(string unreadable, Action action)
    {
        Require();
        bool mayRead = false;
        ExceptionDispatchInfo? error = null;
        var thread = new Thread(() =>
        {
            try
            {
                _ = SetFileSystemUser(Nobody);
                mayRead = CanRead(unreadable);
                if (!mayRead)
                    action();
            }
            catch (Exception failure)
            {
                error = ExceptionDispatchInfo.Capture(failure);
            }
        });
        thread.Start();
        thread.Join();
        Assert.SkipWhen(mayRead, "this user may read every file, and giving that up for a thread has no effect here");
        error?.Throw();
    }

    private static bool CanRead(string path)
    {
        try
        {
            File.OpenHandle(path).Dispose();
            return true;
        }
        catch (UnauthorizedAccessException)
        {
            return false;
        }
    }

    [DllImport("libc", EntryPoint = "setfsuid")]
    private static extern int SetFileSystemUser(uint user);
}
