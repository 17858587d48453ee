using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;

namespace Qed.Storage;

/// <summary>Finds who has a file open, so that "in use" can say by whom.</summary>
internal static class LockHolder
{
    private const int MostNamed = 3;

    /// <summary>Names the processes that have the file open; null where the system does not tell.</summary>
    /// <remarks>Linux only: the locks name no process, but /proc shows the open files of those we may look into.</remarks>
    internal static string? Describe(string path)
    {
        if (!HostPlatform.IsLinux || FileIdentity.Of(path) is not { } wanted)
            return null;
        var holders = new List<string>();
        foreach (string process in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(process), NumberStyles.None, CultureInfo.InvariantCulture, out int id))
                continue;
            if (!HasOpen(process, wanted))
                continue;
            holders.Add($"{NameOf(process)} (process {id.ToString(CultureInfo.InvariantCulture)})");
            if (holders.Count == MostNamed)
                break;
        }

        return holders.Count == 0 ? "this process" : string.Join(", ", holders);
    }

    private static bool HasOpen(string process, FileIdentity wanted)
    {
        try
        {
            foreach (string descriptor in Directory.EnumerateFileSystemEntries(Path.Combine(process, "fd")))
            {
                if (FileIdentity.Of(descriptor) == wanted && !IsOurs(process))
                    return true;
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // The process has ended, or belongs to somebody else.
        }

        return false;
    }

    // The handle that asks is open too, so this process is named only when nobody else is found.
    private static bool IsOurs(string process)
        => Path.GetFileName(process) == HostPlatform.ProcessId.ToString(CultureInfo.InvariantCulture);

    private static string NameOf(string process)
    {
        try
        {
            return File.ReadAllText(Path.Combine(process, "comm")).Trim();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return "a process";
        }
    }
}
