using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using Qed.Operations;
using Qed.Tool.CommandLine;
using Qed.Tool.Commands;

namespace Qed.Tool.Help;

/// <summary>What <c>--help</c> shows, from the command tree.</summary>
internal static class HelpText
{
    private const int Column = 26;

    /// <summary>The program's version.</summary>
    internal static string Version { get; } =
        typeof(HelpText).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0";

    /// <summary>The formats by all names that they go by.</summary>
    internal static string Formats => string.Join(", ", FormatInfo.All.Select(format => string.Join("/", format.Aliases.Prepend(format.Name))));

    internal static void WriteOverview(TextWriter output)
    {
        output.WriteLine("usage: qed command [options] ...");
        output.WriteLine();
        output.WriteLine("Creates, inspects, checks, repairs, converts, resizes and re-parents disk images, with the options of qemu-img.");
        output.WriteLine();
        output.WriteLine("Commands:");
        foreach (ToolCommand command in CommandTree.All)
            output.WriteLine($"  {command.Name,-12}{command.Summary}");
        output.WriteLine();
        output.WriteLine("  -h, --help     Show this help; 'qed command --help' tells of a command.");
        output.WriteLine("  -V, --version  Show the version.");
        output.WriteLine();
        output.WriteLine("Sizes are bytes, or have a suffix: k, M, G, T, P or E, powers of 1024.");
        output.WriteLine($"Supported formats: {Formats}");
    }

    internal static void WriteCommand(ToolCommand command, TextWriter output)
    {
        output.WriteLine(UsageOf(command));
        output.WriteLine();
        output.WriteLine(command.Summary);
        WriteOptions("Options:", CommonOptions.AllOf(command).Where(option => option.Refusal is null), output);
        WriteOptions("Options of qemu-img that are refused:", command.Options.Where(option => option.Refusal is not null), output);
        if (command.Remarks is { } remarks)
        {
            output.WriteLine();
            output.WriteLine(remarks);
        }
    }

    internal static string UsageOf(ToolCommand command) => $"usage: qed {command.Name} [options] {command.Operands}".TrimEnd();

    /// <summary>An option with all its spellings and its value.</summary>
    internal static string SpellingsOf(CommandOption option) => (option.Letter, option.LongName) switch
    {
        ({ } letter, null) => $"-{letter}{ValueAfter(option, " ")}",
        (null, { } name) => $"    --{name}{ValueAfter(option, "=")}",
        var (letter, name) => $"-{letter}, --{name}{ValueAfter(option, "=")}",
    };

    private static string ValueAfter(CommandOption option, string separator) => option.ValueName is null ? string.Empty : separator + option.ValueName;

    private static void WriteOptions(string title, IEnumerable<CommandOption> options, TextWriter output)
    {
        CommandOption[] all = options.ToArray();
        if (all.Length == 0)
            return;
        output.WriteLine();
        output.WriteLine(title);
        foreach (CommandOption option in all)
            output.WriteLine($"  {SpellingsOf(option).PadRight(Column - 1)} {option.Description}");
    }
}
