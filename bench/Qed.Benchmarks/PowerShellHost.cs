using System;
using System.Diagnostics;
using System.IO;
using System.Linq;

namespace Qed.Benchmarks;

/// <summary>A PowerShell with the module that was assembled in out/Qed: pwsh on the PATH, else the repository's .NET tool.</summary>
internal sealed class PowerShellHost
{
    private readonly string _repository;
    private readonly string[] _command;
    private readonly string _module;

    private PowerShellHost(string repository, string[] command)
    {
        _repository = repository;
        _command = command;
        _module = Directory.GetDirectories(Path.Combine(repository, "out", "Qed")).Select(version => Path.Combine(version, "Qed.psd1")).Where(File.Exists).Max()!;
    }

    internal static PowerShellHost? Find()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (Directory.Exists(Path.Combine(folder.FullName, "out", "Qed")))
                return new PowerShellHost(folder.FullName, IsOnPath ? ["pwsh"] : ["dotnet", "tool", "run", "pwsh", "--"]);
        }

        return null;
    }

    private static bool IsOnPath => (Environment.GetEnvironmentVariable("PATH") ?? string.Empty)
        .Split(Path.PathSeparator)
        .Any(folder => File.Exists(Path.Combine(folder, "pwsh")) || File.Exists(Path.Combine(folder, "pwsh.exe")));

    internal void Run(string script) => Start($"$ErrorActionPreference = 'Stop'; Import-Module '{_module}'; {script}");

    /// <summary>Starts and does nothing: what any script costs here.</summary>
    internal void RunEmpty() => Start("1");

    private void Start(string script)
        => SideBySide.Run(new ProcessStartInfo(_command[0], [.. _command[1..], "-NoProfile", "-NonInteractive", "-Command", script]) { WorkingDirectory = _repository });
}
