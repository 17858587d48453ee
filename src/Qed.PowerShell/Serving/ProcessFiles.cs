using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;

namespace Qed.PowerShell.Serving;

/// <summary>The user's list of servers that have processes of their own: a file for each, named after its process, that says what its pipe is called.</summary>
internal static class ProcessFiles
{
    private static string Folder
    {
        get
        {
            // What the variable says, as XDG_DATA_HOME does elsewhere: whoever is to have a list of its own is given another folder.
            string? home = Path.DirectorySeparatorChar == '\\' ? Environment.GetEnvironmentVariable("LOCALAPPDATA") : null;
            if (string.IsNullOrEmpty(home))
                home = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.Create);
            return Path.Combine(string.IsNullOrEmpty(home) ? Path.GetTempPath() : home, "Qed", "servers");
        }
    }

    internal static void Write(int processId, string pipe)
    {
        Directory.CreateDirectory(Folder);
        File.WriteAllText(PathOf(processId), pipe);
    }

    internal static void Delete(int processId) => File.Delete(PathOf(processId));

    /// <summary>The pipe of a process; null where it has none.</summary>
    internal static string? Read(int processId) => File.Exists(PathOf(processId)) ? File.ReadAllText(PathOf(processId)) : null;

    /// <summary>The processes and their pipes. What one that was killed has left is deleted.</summary>
    internal static IEnumerable<(int ProcessId, string Pipe)> All()
    {
        if (!Directory.Exists(Folder))
            yield break;
        foreach (string file in Directory.GetFiles(Folder))
        {
            if (!int.TryParse(Path.GetFileName(file), NumberStyles.None, CultureInfo.InvariantCulture, out int processId))
                continue;
            if (!IsAlive(processId))
                Delete(processId);
            else if (Read(processId) is { Length: > 0 } pipe)
                yield return (processId, pipe);
        }
    }

    /// <summary>Whether there is such a process.</summary>
    internal static bool IsAlive(int processId)
    {
        try
        {
            using var process = Process.GetProcessById(processId);
            return !process.HasExited;
        }
        catch (ArgumentException)
        {
            return false;
        }
        catch (Exception error) when (error is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            // Somebody else's, or just gone.
            return false;
        }
    }

    private static string PathOf(int processId) => Path.Combine(Folder, processId.ToString(CultureInfo.InvariantCulture));
}
