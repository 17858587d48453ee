using System;
using System.IO;
using Qed.Tests.Support;

namespace Qed.Tests.Crashes;

/// <summary>Keeps what tells why something went wrong: where several guests are at work, doing the same again is not doing the same.</summary>
internal static class CrashReport
{
    /// <summary>Writes the log, the files as they were at first, and as a crash has left them, to a folder that stays.</summary>
    /// <returns>What to throw, which names the folder.</returns>
    internal static CrashException Of(CrashLog log, string wrong, MemoryStorage[]? state = null, Exception? error = null)
    {
        string folder = Directory.CreateTempSubdirectory("qed-crash-").FullName;
        log.WriteTo(folder);
        if (state is not null)
            CrashLog.WriteFiles(folder, "crashed", state);
        File.WriteAllText(Path.Combine(folder, "wrong.txt"), $"{wrong}{Environment.NewLine}{error}");
        return new CrashException($"{wrong} (see {folder})", error);
    }
}
