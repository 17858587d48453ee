using System;
using System.ComponentModel;
using System.Diagnostics;
using System.IO;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

namespace Qed.PowerShell.Serving;

/// <summary>Starts the PowerShell that this is once more, as a process that stays when this one ends.</summary>
/// <param name="home">Where it lies: <c>$PSHOME</c>.</param>
internal sealed class PowerShellProcess(string home)
{
    private const string LeavesSession = "setsid";

    /// <summary>Runs a script until it says something.</summary>
    /// <returns>The process, which goes on.</returns>
    /// <exception cref="DiskImageException">UnsupportedFeature: it cannot be started, or ended without a word.</exception>
    internal int Start(string script, CancellationToken cancellation)
    {
        using Process process = Start(Arguments(script));
        try
        {
            using CancellationTokenRegistration registration = cancellation.Register(() => Kill(process));
            process.StandardInput.Close();
            // To its end, which killing the process brings about.
            Task<string> errors = Task.Run(process.StandardError.ReadToEnd, CancellationToken.None);
            if (process.StandardOutput.ReadLine() is not null)
                return process.Id;
            cancellation.ThrowIfCancellationRequested();
            process.WaitForExit();
            throw Failed(errors.Result.Trim() is { Length: > 0 } text ? text : "it ended without a word");
        }
        catch
        {
            Kill(process);
            throw;
        }
    }

    private static string Arguments(string script)
        => "-NoProfile -NonInteractive -EncodedCommand " + Convert.ToBase64String(Encoding.Unicode.GetBytes(script));

    private Process Start(string arguments)
    {
        (string program, string first) = Program();
        try
        {
            // Of a session of its own, so that a terminal that is closed ends it not.
            return Path.DirectorySeparatorChar == '/' && TryRun(LeavesSession, $"\"{program}\" {first}{arguments}") is { } process
                ? process
                : Run(program, first + arguments);
        }
        catch (Exception error) when (error is Win32Exception or InvalidOperationException)
        {
            throw Failed(error.Message);
        }
    }

    /// <summary>The program and what it is to be told first. Where PowerShell is a tool of .NET it runs in dotnet.</summary>
    private (string Program, string First) Program()
    {
        string own = Process.GetCurrentProcess().MainModule?.FileName ?? string.Empty;
        string name = Path.GetFileNameWithoutExtension(own);
        if (name is "pwsh" or "powershell")
            return (own, string.Empty);
        foreach (string candidate in new[] { "pwsh", "pwsh.exe", "powershell.exe" })
        {
            if (File.Exists(Path.Combine(home, candidate)))
                return (Path.Combine(home, candidate), string.Empty);
        }

        return (name == "dotnet" ? own : "dotnet", $"\"{Path.Combine(home, "pwsh.dll")}\" ");
    }

    private static Process? TryRun(string program, string arguments)
    {
        try
        {
            return Run(program, arguments);
        }
        catch (Win32Exception)
        {
            return null;
        }
    }

    private static Process Run(string program, string arguments) => OwnStreams.Withhold(() => Process.Start(new ProcessStartInfo(program, arguments)
    {
        UseShellExecute = false,
        CreateNoWindow = true,
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!);

    private static void Kill(Process process)
    {
        try
        {
            process.Kill();
        }
        catch (Exception error) when (error is InvalidOperationException or Win32Exception)
        {
            // It has ended.
        }
    }

    private static DiskImageException Failed(string reason)
        => new(ErrorKind.UnsupportedFeature, $"the process that was to serve the image did not start: {reason}");
}
