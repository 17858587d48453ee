using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Text.RegularExpressions;
using Xunit;

namespace Qed.Tests.Pester;

/// <summary>Runs Pester files, those of a class in one PowerShell process.</summary>
public abstract partial class PesterTests(PesterProcess process) : IClassFixture<PesterProcess>
{
    /// <summary>Whether nothing may be left out, as where a merge depends on it. Some tests are of Linux, so elsewhere that cannot be.</summary>
    private static bool MustRun => OperatingSystem.IsLinux() && !string.IsNullOrEmpty(Environment.GetEnvironmentVariable("CI"));

    /// <summary>The files that are about parts of the module and what is made of them, or those that are about it as a whole; each take half of the time.</summary>
    private protected static TheoryData<string> FilesThat(bool areOfParts)
    {
        static bool IsOfPart(string file)
            => file.Contains("-Qed", StringComparison.Ordinal) || file.StartsWith("Examples", StringComparison.Ordinal) || file.StartsWith("Publish", StringComparison.Ordinal);
        IEnumerable<string> files = Directory.EnumerateFiles(Repository.PesterTests, "*.Tests.ps1").Select(file => Path.GetFileName(file));
        return [.. files.Where(file => IsOfPart(file) == areOfParts).Order(StringComparer.Ordinal)];
    }

    /// <summary>Where PowerShell itself may end, about once in seventy hosts that die: docs/fleet.md. Such a run says nothing of ours, so there is one more.</summary>
    private const string TransportFault = "SSHClientSessionTransportManager.CloseConnection";

    private protected void RequireAllToPass(string file)
    {
        string path = Path.Combine(Repository.PesterTests, file);
        if (PowerShellHost.UnderTest is not { } host)
        {
            Assert.False(MustRun, PowerShellHost.WhyMissing);
            Assert.Skip($"SKIPPED {CountIn(path)} or more Pester tests of {file}: {PowerShellHost.WhyMissing}");
            return;
        }

        string resultPath = Path.GetTempFileName();
        try
        {
            string? end = process.Run(host, path, resultPath);
            if (end is not null && end.Contains(TransportFault, StringComparison.Ordinal))
                end = process.Run(host, path, resultPath);
            Assert.True(end is null, $"PowerShell ended before the tests did:\n{end}");
            Summary summary = JsonSerializer.Deserialize<Summary>(File.ReadAllText(resultPath))!;
            Assert.True(summary.Failures.Length == 0, string.Join("\n", summary.Failures));
            Assert.False(MustRun && summary.Skipped.Length > 0, "skipped, although CI is set:\n" + string.Join("\n", summary.Skipped));
            Assert.True(summary.Passed > 0, $"{file} ran no test.");
            TestContext.Current.TestOutputHelper?.WriteLine($"{file}: {summary.Passed} passed, {summary.Skipped.Length} skipped");
        }
        finally
        {
            File.Delete(resultPath);
        }
    }

    /// <summary>Tests that the file spells out; those that a -ForEach multiplies count once.</summary>
    private static int CountIn(string path) => ItBlock().Count(File.ReadAllText(path));

    [GeneratedRegex(@"^\s*It\s", RegexOptions.Multiline)]
    private static partial Regex ItBlock();

    private sealed record Summary(int Passed, string[] Skipped, string[] Failures);
}
