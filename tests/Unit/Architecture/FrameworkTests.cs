using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Architecture;

/// <summary>What the module asks for is there in Windows PowerShell 5.1 on .NET Framework 4.7.2, which no compiler looks at as a whole.</summary>
public sealed class FrameworkTests
{
    private const string PowerShell = "System.Management.Automation";

    // What Windows PowerShell 5.1 is itself: it has had that version since 3.0.
    private static readonly Version PowerShellVersion = new(3, 0, 0, 0);

    private static string[] Assemblies { get; } = Directory.GetFiles(Path.Combine(Metadata("Module"), "bin", "netstandard2.0"), "*.dll", SearchOption.AllDirectories);

    [Fact]
    public void Every_assembly_that_is_referred_to_comes_with_the_framework_or_the_module_and_is_new_enough()
    {
        ILookup<string, Version> there = Framework().Concat(Assemblies.Select(path => AssemblyName.GetAssemblyName(path)).Select(name => (name.Name!, name.Version!)))
            .Append((PowerShell, PowerShellVersion))
            .ToLookup(assembly => assembly.Item1, assembly => assembly.Item2);
        var missing = new List<string>();
        int asked = 0;
        foreach (string path in Assemblies)
        {
            using var file = new PEReader(File.OpenRead(path));
            MetadataReader reader = file.GetMetadataReader();
            foreach (AssemblyReference reference in reader.AssemblyReferences.Select(reader.GetAssemblyReference))
            {
                asked++;
                string name = reader.GetString(reference.Name);
                if (!there[name].Any(version => version >= reference.Version))
                    missing.Add($"{Path.GetFileName(path)} asks for {name} {reference.Version}: {string.Join(", ", there[name])}");
            }
        }

        Assert.Empty(missing);
        Assert.InRange(asked, Assemblies.Length, int.MaxValue);
    }

    [Fact]
    public void Every_member_of_PowerShell_that_is_used_is_in_PowerShell_Standard_5_1()
    {
        using var standard = new PEReader(File.OpenRead(Metadata("PowerShellStandard")));
        using var module = new PEReader(File.OpenRead(Assemblies.Single(path => Path.GetFileName(path) == "Qed.PowerShell.dll")));
        string[] used = [.. PowerShellMembers.UsedBy(module.GetMetadataReader(), PowerShell)];
        Assert.Contains($"{PowerShell}.Cmdlet.WriteObject(Object)", used);
        Assert.Empty(used.Except(PowerShellMembers.Of(standard.GetMetadataReader())));
    }

    [Fact]
    public void The_manifest_asks_for_that_framework()
        => Assert.Matches(@"DotNetFrameworkVersion\s*=\s*'4\.7\.2'", File.ReadAllText(Path.Combine(Metadata("Module"), "Qed.psd1")));

    private static IEnumerable<(string Name, Version Version)> Framework()
    {
        using var list = new StreamReader(typeof(FrameworkTests).Assembly.GetManifestResourceStream("DotNetFramework472.txt")!);
        return [.. list.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Where(line => line[0] != '#')
            .Select(line => line.Split(' '))
            .Select(words => (words[0], Version.Parse(words[1].Trim())))];
    }

    private static string Metadata(string key)
        => typeof(FrameworkTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == key).Value!;
}
