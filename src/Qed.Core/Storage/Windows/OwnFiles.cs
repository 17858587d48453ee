using System.Collections.Generic;

namespace Qed.Storage.Windows;

/// <summary>Which files this process has open itself: nobody need wait for it, and whoever meets it is told.</summary>
internal static class OwnFiles
{
    private static readonly Dictionary<FileIdentity, int> Open = [];

    internal static void Add(FileIdentity file)
    {
        lock (Open)
            Open[file] = Open.TryGetValue(file, out int count) ? count + 1 : 1;
    }

    internal static void Remove(FileIdentity file)
    {
        lock (Open)
        {
            if (Open.TryGetValue(file, out int count) && count > 1)
                Open[file] = count - 1;
            else
                Open.Remove(file);
        }
    }

    /// <summary>Whether this process has the file open in a way that excludes others.</summary>
    internal static bool Hold(string path)
    {
        if (FileIdentity.Of(path) is not { } file)
            return false;
        lock (Open)
            return Open.ContainsKey(file);
    }
}
