using System;
using System.Diagnostics;
using System.IO;
using System.Runtime.InteropServices;
using System.Threading.Tasks;

namespace Qed.Tool;

/// <summary>
/// The same command as a process of its own, which belongs to no terminal and goes on when this one ends, as daemons do. It
/// says what it has to say until it is ready, and nothing afterwards.
/// </summary>
internal static partial class BackgroundProcess
{
    private const string Mark = "QED_IN_BACKGROUND";

    // A line that nothing else consists of.
    private const string Ready = "\u0006";

    private const int ReadAndWrite = 2;

    private static readonly bool IsStarted = TryBegin();

    /// <summary>Whether this is that process.</summary>
    internal static bool IsThisOne => IsStarted;

    /// <summary>Starts it, and returns when it is ready or has ended.</summary>
    /// <param name="session">Where it writes until then.</param>
    /// <returns>The exit code: that of a success when it is ready.</returns>
    internal static int Start(Session session)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, OwnArguments())
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment[Mark] = "1";
        using Process process = Process.Start(start)!;
        using var end = session.Cancellation.Register(process.Kill);
        process.StandardInput.Close();
        Task<bool> complaints = Task.Run(() => Copy(process.StandardError, session.CopyError));
        if (Copy(process.StandardOutput, session.Output.WriteLine) & complaints.GetAwaiter().GetResult())
            return ExitCode.Success;
        process.WaitForExit();
        session.Cancellation.ThrowIfCancellationRequested();
        return process.ExitCode;
    }

    /// <summary>Lets the process go on that has started this one; nothing that is written from here on is seen.</summary>
    internal static void BecomeReady(Session session)
    {
        session.Output.WriteLine(Ready);
        session.Output.Flush();
        session.CopyError(Ready);
        int nothing = Open("/dev/null", ReadAndWrite);
        for (int number = 0; number <= 2; number++)
            _ = Duplicate(nothing, number);
    }

    /// <summary>Passes on what a process says until it is ready.</summary>
    /// <returns>False where it has ended before.</returns>
    private static bool Copy(StreamReader from, Action<string> to)
    {
        while (from.ReadLine() is { } line)
        {
            if (line == Ready)
                return true;
            to(line);
        }

        return false;
    }

    /// <summary>Leaves the terminal, where this process was started to do so, and hides that from those that it starts itself.</summary>
    private static bool TryBegin()
    {
        if (Environment.GetEnvironmentVariable(Mark) is null)
            return false;
        Environment.SetEnvironmentVariable(Mark, null);
        _ = BeginSession();
        return true;
    }

    private static string[] OwnArguments()
    {
        string[] words = Environment.GetCommandLineArgs();
        bool isHosted = Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet";
        return isHosted ? ["exec", .. words] : words[1..];
    }

    [LibraryImport("libc", EntryPoint = "setsid")]
    private static partial int BeginSession();

    [LibraryImport("libc", EntryPoint = "dup2")]
    private static partial int Duplicate(int from, int to);

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);
}
