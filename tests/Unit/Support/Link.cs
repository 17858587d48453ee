using System;
using System.IO;
using System.Runtime.InteropServices;
using Xunit;

namespace Qed.Tests.Support;

/// <summary>Other names of files and folders. Skips the test, saying why, where none can be made.</summary>
internal static class Link
{
    /// <summary>Makes a symbolic link to a file or a folder, which need not exist.</summary>
    internal static void Symbolic(string path, string target)
    {
        Wine.CannotShow("no symbolic link can be made");
        try
        {
            bool toFolder = Directory.Exists(Path.Combine(Path.GetDirectoryName(path)!, target));
            _ = toFolder ? Directory.CreateSymbolicLink(path, target) : File.CreateSymbolicLink(path, target);
        }
        catch (Exception error) when (OperatingSystem.IsWindows() && error is IOException or UnauthorizedAccessException)
        {
            Assert.Skip("no symbolic link can be made by this user: " + error.Message);
        }
    }

    /// <summary>Makes a second name of a file.</summary>
    internal static void Hard(string path, string target)
    {
        if (!OperatingSystem.IsWindows())
            Assert.Equal(0, Qemu.Run("ln", target, path).ExitCode);
        else
            Assert.True(CreateHardLink(path, target, 0), Marshal.GetLastPInvokeErrorMessage());
    }

    [DllImport("kernel32", EntryPoint = "CreateHardLinkW", CharSet = CharSet.Unicode, SetLastError = true)]
    private static extern bool CreateHardLink(string path, string target, nint security);
}
