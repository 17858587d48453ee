using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using Qed.Storage.Windows;

namespace Qed.Storage;

/// <summary>Finds who has a file open, so that "in use" can say by whom.</summary>
internal static class LockHolder
{
    private const int MostNamed = 3;
    private const string ThisProcess = "this process";

    /// <summary>Names the processes that have the file open; null where the system does not tell.</summary>
    /// <remarks>On Linux the locks name no process, but /proc shows the open files of those we may look into; Windows is asked.</remarks>
    internal static string? Describe(string path)
    {
        if (HostPlatform.IsWindows)
            return DescribeOnWindows(StorageErrors.FullPath(path), RestartManager.System, OwnFiles.Hold);
        if (!HostPlatform.IsLinux || FileIdentity.Of(path) is not { } wanted)
            return null;
        // The handle that asks is open too, so this process is named only when nobody else is found.
        return Name(wanted, descriptor => !IsOurs(descriptor)) ?? ThisProcess;
    }

    /// <summary>
    /// Names whom Windows knows. It knows nobody who came through a server, and knows of us whatever we opened the file for,
    /// so we are named only where we ourselves exclude others.
    /// </summary>
    internal static string? DescribeOnWindows(string path, IRestartManager manager, Func<string, bool> isOurs)
    {
        string[] others = RestartManager.UsersOf(path, manager)
            .Where(user => user.Id != HostPlatform.ProcessId)
            .Take(MostNamed)
            .Select(user => Name(user.Name, user.Id))
            .ToArray();
        return others.Length > 0 ? string.Join(", ", others) : isOurs(path) ? ThisProcess : null;
    }

    /// <summary>The error of a file that others have open in a way that excludes the request, naming them where the system does.</summary>
    internal static DiskImageException InUse(string path, string rule, Exception? inner = null)
        => new(ErrorKind.ImageInUse, Describe(path) is { } name ? $"{rule} by {name}" : rule, path, inner)
        {
            Remedy = Remedy.Advice("Stop the virtual machine or tool that uses it and run the command again."),
        };

    /// <summary>Names the processes that have the file open for writing; null where there are none, or the system does not tell.</summary>
    internal static string? DescribeWriters(string path)
        => HostPlatform.IsLinux && FileIdentity.Of(path) is { } wanted ? Name(wanted, IsForWriting) : null;

    private static string? Name(FileIdentity wanted, Func<string, bool> isMeant)
    {
        var holders = new List<string>();
        foreach (string process in Directory.Exists("/proc") ? Directory.EnumerateDirectories("/proc") : [])
        {
            if (!int.TryParse(Path.GetFileName(process), NumberStyles.None, CultureInfo.InvariantCulture, out int id))
                continue;
            if (!HasOpen(process, wanted, isMeant))
                continue;
            holders.Add(Name(NameOf(process), id));
            if (holders.Count == MostNamed)
                break;
        }

        return holders.Count == 0 ? null : string.Join(", ", holders);
    }

    private static string Name(string process, int id) => $"{process} (process {id.ToString(CultureInfo.InvariantCulture)})";

    private static bool HasOpen(string process, FileIdentity wanted, Func<string, bool> isMeant)
    {
        try
        {
            foreach (string descriptor in Directory.EnumerateFileSystemEntries(Path.Combine(process, "fd")))
            {
                if (FileIdentity.Of(descriptor) == wanted && isMeant(descriptor))
                    return true;
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or DiskImageException)
        {
            // The process has ended, belongs to somebody else, or has a file open whose server does not answer.
        }

        return false;
    }

    private static bool IsOurs(string descriptor)
        => descriptor.StartsWith($"/proc/{HostPlatform.ProcessId.ToString(CultureInfo.InvariantCulture)}/", StringComparison.Ordinal);

    /// <summary>Whether a descriptor, /proc/N/fd/M, is one for writing, as /proc/N/fdinfo/M says in octal digits.</summary>
    private static bool IsForWriting(string descriptor)
    {
        const string Label = "flags:";
        string folder = Path.GetDirectoryName(Path.GetDirectoryName(descriptor))!;
        foreach (string line in File.ReadLines(Path.Combine(folder, "fdinfo", Path.GetFileName(descriptor))))
        {
            if (line.StartsWith(Label, StringComparison.Ordinal))
                return (Convert.ToInt32(line.Substring(Label.Length).Trim(), 8) & 3) != 0;
        }

        return false;
    }

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
