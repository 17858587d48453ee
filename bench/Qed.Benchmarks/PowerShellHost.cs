using System;
using System.IO;
using System.Linq;

namespace Qed.Benchmarks;

/// <summary>The pwsh on the PATH with the module that was assembled in out/Qed.</summary>
internal sealed class PowerShellHost
{
    private readonly string _module;

    private PowerShellHost(string module) => _module = module;

    internal static PowerShellHost? Find()
    {
        bool hasPwsh = (Environment.GetEnvironmentVariable("PATH") ?? string.Empty)
            .Split(Path.PathSeparator)
            .Any(folder => File.Exists(Path.Combine(folder, "pwsh")) || File.Exists(Path.Combine(folder, "pwsh.exe")));
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null && hasPwsh; folder = folder.Parent)
        {
            string modules = Path.Combine(folder.FullName, "out", "Qed");
            if (Directory.Exists(modules))
                return new PowerShellHost(Directory.GetDirectories(modules).Select(version => Path.Combine(version, "Qed.psd1")).Where(File.Exists).Max()!);
        }

        return null;
    }

    internal void Run(string script)
        => SideBySide.Run("pwsh", "-NoProfile", "-NonInteractive", "-Command", $"$ErrorActionPreference = 'Stop'; Import-Module '{_module}'; {script}");

    internal static void RunEmpty() => SideBySide.Run("pwsh", "-NoProfile", "-NonInteractive", "-Command", "1");
}
