using System.Collections.Generic;
using System.Linq;
using Qed.Tool.CommandLine;
using Qed.Tool.Commands;

namespace Qed.Tool.Help;

/// <summary>What completions offer, whatever the shell.</summary>
internal static class Words
{
    internal static string OfCommands => string.Join(' ', CommandTree.All.Select(command => command.Name));

    /// <summary>The options that a command takes.</summary>
    internal static IEnumerable<CommandOption> OptionsOf(ToolCommand command) => CommonOptions.AllOf(command).Where(option => option.Refusal is null);

    /// <summary>An option as it is typed.</summary>
    internal static IEnumerable<string> SpellingsOf(CommandOption option)
    {
        if (option.Letter is { } letter)
            yield return "-" + letter;
        if (option.LongName is { } name)
            yield return "--" + name;
    }

    /// <summary>A text between single quotes.</summary>
    internal static string Quote(string text, string escapedQuote) => $"'{text.Replace("'", escapedQuote, System.StringComparison.Ordinal)}'";
}
