using System;
using System.Diagnostics;
using System.IO;
using System.Threading;
using Qed.Tests.Support;
using Qed.Tool;

namespace Qed.Tests.Tool;

/// <summary><c>qed serve</c> as a process of its own, which ends with the test that started it, however that ends.</summary>
internal sealed class ServerProcess : IDisposable
{
    /// <param name="folder">Where it works.</param>
    /// <param name="arguments">What it is told behind <c>serve</c>.</param>
    internal ServerProcess(TempFolder folder, params string[] arguments)
        : this(Invocation.Program[0], folder, [.. Invocation.Program[1..], "serve", .. arguments])
    {
    }

    private ServerProcess(string program, TempFolder folder, string[] arguments)
        => Process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder.Path,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;

    /// <summary>The command's assembly.</summary>
    internal static string Command { get; } = typeof(QedCommand).Assembly.Location;

    internal Process Process { get; }

    /// <summary>Starts a program that starts the server, or becomes it.</summary>
    internal static ServerProcess Within(string program, TempFolder folder, params string[] arguments) => new(program, folder, arguments);

    /// <summary>The next line that it says; null when it has ended.</summary>
    internal string? ReadLine() => Process.StandardOutput.ReadLine();

    /// <summary>Waits until a file is there that it makes, or until it has ended.</summary>
    internal void WaitFor(string path)
    {
        while (!File.Exists(path) && !Process.HasExited)
            Thread.Sleep(10);
    }

    /// <summary>Kills it.</summary>
    internal void Kill()
    {
        Process.Kill(entireProcessTree: true);
        Process.WaitForExit();
    }

    /// <summary>Asks it to end, and waits for that.</summary>
    /// <returns>Its exit code, and what it has complained of.</returns>
    internal (int ExitCode, string Error) Terminate()
    {
        Qemu.Run("kill", "-TERM", Qemu.Text(Process.Id));
        return End();
    }

    /// <summary>Waits until it ends by itself.</summary>
    /// <returns>Its exit code, and what it has complained of.</returns>
    internal (int ExitCode, string Error) End()
    {
        string error = Process.StandardError.ReadToEnd();
        Process.WaitForExit();
        return (Process.ExitCode, error);
    }

    public void Dispose()
    {
        if (!Process.HasExited)
            Kill();
        Process.Dispose();
    }
}
