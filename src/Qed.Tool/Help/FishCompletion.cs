using System.IO;
using System.Text;
using Qed.Tool.CommandLine;
using Qed.Tool.Commands;

namespace Qed.Tool.Help;

/// <summary>Completions for fish, from the command tree.</summary>
internal static class FishCompletion
{
    internal static void Write(TextWriter output)
    {
        output.WriteLine("# fish completion for qed: qed completions fish | source");
        foreach (ToolCommand command in CommandTree.All)
        {
            output.WriteLine($"complete -c qed -f -n __fish_use_subcommand -a {command.Name} -d {Quote(command.Summary)}");
            if (command.OperandChoices.Count > 0)
                output.WriteLine($"complete -c qed -f {Condition(command)} -a {Quote(string.Join(' ', command.OperandChoices))}");
            foreach (CommandOption option in Words.OptionsOf(command))
                output.WriteLine(Line(command, option));
        }
    }

    private static string Line(ToolCommand command, CommandOption option)
    {
        var line = new StringBuilder($"complete -c qed {Condition(command)}");
        if (option.Letter is { } letter)
            line.Append(" -s ").Append(letter);
        if (option.LongName is { } name)
            line.Append(" -l ").Append(name);
        if (option.ValueName is not null)
            line.Append(option.NamesFile ? " -r" : " -x");
        if (option.Suggestions.Count > 0)
            line.Append(" -a ").Append(Quote(string.Join(' ', option.Suggestions)));
        return line.Append(" -d ").Append(Quote(option.Description)).ToString();
    }

    private static string Condition(ToolCommand command) => $"-n '__fish_seen_subcommand_from {command.Name}'";

    private static string Quote(string text) => Words.Quote(text, "\\'");
}
