using System;
using System.Collections.Generic;
using System.ComponentModel;
using System.Diagnostics;
using System.Threading.Tasks;

namespace Qed.Tests.Pester;

/// <summary>A PowerShell that is started as a process.</summary>
internal sealed class PowerShellHost
{
    private static readonly string[] OnPath = ["pwsh"];
    private static readonly string[] AsTool = ["dotnet", "tool", "run", "pwsh", "--"];

    private readonly string[] _command;

    private PowerShellHost(string[] command) => _command = command;

    /// <summary>Why no PowerShell can be had; null where one was found.</summary>
    internal static string? WhyMissing { get; private set; }

    /// <summary>The .NET tool that the repository's manifest names, else pwsh on the PATH; null where neither can be had.</summary>
    internal static PowerShellHost? Pinned { get; } = FindPinned();

    /// <summary>The one that runs the tests: the program that QED_POWERSHELL names, such as <c>powershell</c>, else the pinned one.</summary>
    internal static PowerShellHost? UnderTest { get; } = FindUnderTest();

    /// <summary>Runs PowerShell in the repository and returns what it wrote.</summary>
    internal Result Run(IReadOnlyDictionary<string, string> environment, params string[] arguments)
        => TryRun([.. _command, .. arguments], environment) ?? throw new InvalidOperationException("PowerShell was there a moment ago.");

    private static PowerShellHost? FindUnderTest()
    {
        if (Environment.GetEnvironmentVariable("QED_POWERSHELL") is not { Length: > 0 } program)
            return Pinned;
        if (!IsThere([program]))
            throw new InvalidOperationException($"QED_POWERSHELL names '{program}', which is no PowerShell that starts.");
        return new PowerShellHost([program]);
    }

    private static PowerShellHost? FindPinned()
    {
        Result? restore = TryRun(["dotnet", "tool", "restore"]);
        if (restore is { ExitCode: 0 } && IsThere(AsTool))
            return new PowerShellHost(AsTool);
        if (IsThere(OnPath))
            return new PowerShellHost(OnPath);
        WhyMissing = "the PowerShell .NET tool cannot be restored, and there is no pwsh on the PATH: " + restore?.Error.Trim();
        return null;
    }

    private static bool IsThere(string[] command)
        => TryRun([.. command, "-NoProfile", "-NonInteractive", "-Command", "exit 42"]) is { ExitCode: 42 };

    /// <summary>Starts PowerShell in the repository; its standard input is closed.</summary>
    internal Process Start(IReadOnlyDictionary<string, string> environment, params string[] arguments) => Start([.. _command, .. arguments], environment);

    private static Result? TryRun(string[] command, IReadOnlyDictionary<string, string>? environment = null)
    {
        try
        {
            using Process process = Start(command, environment ?? new Dictionary<string, string>());
            Task<string> error = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return new Result(process.ExitCode, output, error.Result);
        }
        catch (Win32Exception)
        {
            return null;
        }
    }

    private static Process Start(string[] command, IReadOnlyDictionary<string, string> environment)
    {
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            WorkingDirectory = Repository.Root,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["NO_COLOR"] = "1";
        start.Environment["POWERSHELL_TELEMETRY_OPTOUT"] = "1";
        // No process of these lives long enough to earn the measuring of its code, a tenth of its time.
        start.Environment["DOTNET_TieredPGO"] = "0";
        // Nor is most of PowerShell called so often that compiling it twice pays, another tenth: not after 30 calls, but 256.
        start.Environment["DOTNET_TC_CallCountThreshold"] = "100";
        // Without a UTF-8 locale PowerShell measures texts in bytes.
        if (Environment.GetEnvironmentVariable("LC_ALL") is null)
            start.Environment["LC_ALL"] = "C.UTF-8";
        foreach (KeyValuePair<string, string> variable in environment)
            start.Environment[variable.Key] = variable.Value;
        Process process = Process.Start(start)!;
        process.StandardInput.Close();
        return process;
    }

    internal sealed record Result(int ExitCode, string Output, string Error);
}
