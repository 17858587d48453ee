using System;
using System.IO;
using Qed.Tool.CommandLine;
using Qed.Tool.Commands;

namespace Qed.Tool.Help;

/// <summary>Completions for zsh, from the command tree.</summary>
internal static class ZshCompletion
{
    internal static void Write(TextWriter output)
    {
        output.WriteLine("#compdef qed");
        output.WriteLine("# zsh completion for qed: qed completions zsh > a file _qed in $fpath");
        output.WriteLine("_qed() {");
        output.WriteLine("    local -a commands=(");
        foreach (ToolCommand command in CommandTree.All)
            output.WriteLine($"        {Quote($"{command.Name}:{command.Summary}")}");
        output.WriteLine("    )");
        output.WriteLine("    if (( CURRENT == 2 )); then _describe command commands; return; fi");
        output.WriteLine("    local command=$words[2]");
        output.WriteLine("    shift words; (( CURRENT-- ))");
        output.WriteLine("    case $command in");
        foreach (ToolCommand command in CommandTree.All)
        {
            output.WriteLine($"        {command.Name}) _arguments -s \\");
            foreach (CommandOption option in Words.OptionsOf(command))
            {
                foreach (string spelling in Words.SpellingsOf(option))
                    output.WriteLine($"            {Quote(Specification(option, spelling))} \\");
            }

            output.WriteLine($"            {Quote(command.OperandChoices.Count > 0 ? $"*:operand:({string.Join(' ', command.OperandChoices)})" : "*:file:_files")};;");
        }

        output.WriteLine("    esac");
        output.WriteLine("}");
        output.WriteLine("if [[ $funcstack[1] == _qed ]]; then _qed \"$@\"; else compdef _qed qed; fi");
    }

    private static string Specification(CommandOption option, string spelling)
    {
        bool isLong = spelling.StartsWith("--", StringComparison.Ordinal);
        string name = option.ValueName is null ? spelling : isLong ? spelling + "=" : spelling + "+";
        string value = option.ValueName is null ? string.Empty
            : $":{option.ValueName}:" + (option.NamesFile ? "_files" : $"({string.Join(' ', option.Suggestions)})");
        return $"*{name}[{Escape(option.Description)}]{value}";
    }

    private static string Escape(string text) => text.Replace("[", "\\[", StringComparison.Ordinal).Replace("]", "\\]", StringComparison.Ordinal);

    private static string Quote(string text) => Words.Quote(text, "'\\''");
}
