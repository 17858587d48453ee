using System;
using System.Collections.Generic;
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;
using Xunit;

namespace Qed.Tests.Support;

/// <summary>QEMU's own tools, the independent reader and writer of QED.</summary>
internal static partial class Qemu
{
    private static readonly Lazy<bool> IsThere = new(() => TryRun("qemu-img", ["--version"]) is { ExitCode: 0 });

    /// <summary>Whether QEMU is there to be asked.</summary>
    internal static bool IsInstalled => IsThere.Value;

    /// <summary>Skips the test, saying why, where QEMU is not installed.</summary>
    internal static void Require() => Assert.SkipUnless(IsInstalled, "qemu-img is not installed (Debian package qemu-utils)");

    internal static Result Img(params string[] arguments) => Run("qemu-img", arguments);

    /// <summary>Runs qemu-img and fails the test unless it succeeds.</summary>
    internal static string ImgOk(params string[] arguments) => Succeed(Run("qemu-img", arguments), "qemu-img", arguments);

    /// <summary>Runs commands of qemu-io over an image and fails the test unless all succeed.</summary>
    internal static string IoOk(string image, string format, IEnumerable<string> commands)
    {
        string[] arguments = ["-f", format, .. commands.SelectMany(command => new[] { "-c", command }), image];
        Result result = Run("qemu-io", arguments);
        Assert.False(
            result.Output.Contains("Pattern verification failed", StringComparison.Ordinal) || result.Output.Contains("failed:", StringComparison.Ordinal),
            result.Output);
        return Succeed(result, "qemu-io", arguments);
    }

    /// <summary>
    /// Fails the test unless qemu-img finds no corruption and no leak but those that its miscount invents: one for every
    /// cluster_size - 1 clusters of file.
    /// </summary>
    /// <param name="image">The image.</param>
    /// <param name="free">Clusters that are free: QEMU knows no such thing and calls them leaked.</param>
    internal static void AssertSound(string image, long free = 0)
    {
        Result result = Img("check", "-f", "qed", "--output=json", image);
        using var json = System.Text.Json.JsonDocument.Parse(result.Output);
        long Number(string name) => json.RootElement.TryGetProperty(name, out var value) ? value.GetInt64() : 0;
        using FileStream header = File.OpenRead(image);
        byte[] start = new byte[8];
        header.ReadExactly(start);
        long clusterSize = BitConverter.ToUInt32(start, 4);
        long clusters = (header.Length + clusterSize - 1) / clusterSize;
        Assert.Equal(0, Number("corruptions"));
        Assert.Equal(0, Number("check-errors"));
        Assert.InRange(Number("leaks"), free, free + (clusters / (clusterSize - 1)));
    }

    /// <summary>Fails the test unless QEMU reads an image as a raw one, of the very same size.</summary>
    internal static void AssertSame(string format, string raw, string image)
    {
        Result result = Img("compare", "-f", "raw", "-F", format, raw, image);
        Assert.True(result.ExitCode == 0 && !(result.Output + result.Error).Contains("mismatch", StringComparison.Ordinal), result.Output + result.Error);
    }

    private static string Succeed(Result result, string program, string[] arguments)
    {
        Assert.True(result.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: exit code {result.ExitCode}\n{result.Output}{result.Error}");
        return result.Output;
    }

    /// <summary>Runs a program to its end; skips the test, saying why, where it is not installed.</summary>
    internal static Result Run(string program, params string[] arguments)
    {
        Result? result = TryRun(program, arguments);
        Assert.SkipWhen(result is null, program + " is not installed");
        return result!;
    }

    internal static Result? TryRun(string program, string[] arguments)
    {
        Result? outside = null;
        RunFromWine(program, arguments, ref outside);
        if (outside is not null)
            return outside;
        try
        {
            using Process? process = Process.Start(new ProcessStartInfo(program, arguments)
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                RedirectStandardInput = true,
            });
            // Linux's programs start under Wine, but are none of its processes.
            if (process is null)
                return null;
            process.StandardInput.Close();
            var error = new StringBuilder();
            process.ErrorDataReceived += (_, line) => error.AppendLine(line.Data);
            process.BeginErrorReadLine();
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return new Result(process.ExitCode, output, error.ToString());
        }
        catch (Win32Exception)
        {
            return null;
        }
    }

    /// <summary>Runs a program of Linux where this is Wine, for the suites that have what it takes.</summary>
    static partial void RunFromWine(string program, string[] arguments, ref Result? result);

    /// <summary>A size as the tools take it.</summary>
    internal static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);

    internal sealed record Result(int ExitCode, string Output, string Error);
}
