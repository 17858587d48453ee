using System;
using System.Collections.Generic;
using System.IO;
using System.IO.Compression;

namespace Qed.Tests.Pester;

/// <summary>
/// The module as its users have it: packed by the build script and unpacked into a module path with nothing else in it,
/// away from the build's own folders.
/// </summary>
internal static class PackedModule
{
    private static readonly Lazy<IReadOnlyDictionary<string, string>> Installed = new(Install);

    /// <summary>What tells a PowerShell process where it lies, and lets it find no other modules of the user.</summary>
    internal static IReadOnlyDictionary<string, string> Environment => Installed.Value;

    private static Dictionary<string, string> Install()
    {
        PowerShellHost.Result packing = PowerShellHost.Pinned!.Run(
            new Dictionary<string, string>(), "-NoProfile", "-NonInteractive", "-File", Path.Combine(Repository.Root, "build.ps1"), "Package", "-NoBuild");
        string package = Path.Combine(Repository.Root, "out", "packages", $"Qed.{Repository.Version}.nupkg");
        if (packing.ExitCode != 0 || !File.Exists(package))
            throw new InvalidOperationException($"Packing the module failed: {packing.Output}{packing.Error}");

        string home = Path.Combine(Repository.Root, "out", "installed");
        if (Directory.Exists(home))
            Directory.Delete(home, recursive: true);
        string modules = Path.Combine(home, "powershell", "Modules");
        string module = Path.Combine(modules, "Qed", Repository.Version);
        ZipFile.ExtractToDirectory(package, module);
        RemovePackaging(module);
        return new Dictionary<string, string>
        {
            ["QED_MODULE"] = module,
            ["QED_PACKAGE"] = package,
            // Where PowerShell looks for the user's modules, and keeps its caches, on Linux and macOS.
            ["XDG_DATA_HOME"] = home,
            ["PSModulePath"] = System.Environment.GetEnvironmentVariable("PSModulePath") is { Length: > 0 } others ? modules + Path.PathSeparator + others : modules,
        };
    }

    /// <summary>Deletes what NuGet adds to a package, as installing it does.</summary>
    private static void RemovePackaging(string module)
    {
        File.Delete(Path.Combine(module, "Qed.nuspec"));
        File.Delete(Path.Combine(module, "[Content_Types].xml"));
        Directory.Delete(Path.Combine(module, "_rels"), recursive: true);
        Directory.Delete(Path.Combine(module, "package"), recursive: true);
    }
}
