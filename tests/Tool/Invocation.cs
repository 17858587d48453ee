using System;
using System.IO;
using System.Linq;
using System.Threading;
using Qed.Tests.Support;
using Qed.Tool;

namespace Qed.Tests.Tool;

/// <summary>Runs a command line, written with <c>{d}</c> for the folder of the images, through either program.</summary>
internal static class Invocation
{
    private const string Folder = "{d}";

    /// <summary>What starts the command as a process, and its first words: on Windows the program that a build leaves beside the assembly.</summary>
    internal static string[] Program { get; } = OperatingSystem.IsWindows()
        ? [Path.ChangeExtension(typeof(QedCommand).Assembly.Location, ".exe")]
        : ["dotnet", "exec", typeof(QedCommand).Assembly.Location];

    internal static Qemu.Result Theirs(string line, string folder) => Normalize(Qemu.Img(Words(line, folder)), folder);

    internal static Qemu.Result Ours(string line, string folder, bool isTerminal = false, CancellationToken cancellation = default)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        int exitCode = QedCommand.Run(Words(line, folder), new ToolConsole(output, error, isTerminal) { OpenInput = () => Stream.Null, OpenOutput = () => Stream.Null }, cancellation);
        return Normalize(new Qemu.Result(exitCode, output.ToString(), error.ToString()), folder);
    }

    private static string[] Words(string line, string folder) => line
        .Split(' ', StringSplitOptions.RemoveEmptyEntries)
        .Select(word => word == "''" ? string.Empty : word.Replace(Folder, folder, StringComparison.Ordinal))
        .ToArray();

    private static Qemu.Result Normalize(Qemu.Result result, string folder)
        => result with { Output = Without(folder, result.Output), Error = Without(folder, result.Error) };

    /// <summary>A text without the folder, and with lines and folders separated as on Linux.</summary>
    private static string Without(string folder, string text)
    {
        text = text.Replace(Environment.NewLine, "\n", StringComparison.Ordinal);
        if (folder.Length == 0)
            return text;
        // JSON doubles what separates folders on Windows.
        foreach (string separator in (string[])[@"\\", @"\"])
            text = text.Replace(folder.Replace(@"\", separator, StringComparison.Ordinal), Folder, StringComparison.Ordinal).Replace(Folder + separator, Folder + '/', StringComparison.Ordinal);
        return text;
    }
}
