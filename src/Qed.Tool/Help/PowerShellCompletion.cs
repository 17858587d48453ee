using System.Collections.Generic;
using System.IO;
using System.Linq;
using Qed.Tool.CommandLine;
using Qed.Tool.Commands;

namespace Qed.Tool.Help;

/// <summary>Completions for PowerShell, from the command tree.</summary>
internal static class PowerShellCompletion
{
    internal static void Write(TextWriter output)
    {
        output.WriteLine("# PowerShell completion for qed: qed completions pwsh | Out-String | Invoke-Expression");
        output.WriteLine("Register-ArgumentCompleter -Native -CommandName qed -ScriptBlock {");
        output.WriteLine("    param($word, $syntax, $position)");
        output.WriteLine("    $commands = @(");
        foreach (ToolCommand command in CommandTree.All)
            output.WriteLine($"        {Offer(command.Name, command.Summary)}");
        output.WriteLine("    )");
        output.WriteLine("    $before = @($syntax.CommandElements | Where-Object { $_.Extent.EndOffset -lt $position } | ForEach-Object { \"$_\" })");
        // Option letters differ by their case, which the keys of a hashtable would not.
        output.WriteLine("    $offers = switch -CaseSensitive -Regex (\"$($before[1]) $($before[-1])\") {");
        foreach (ToolCommand command in CommandTree.All)
        {
            foreach (CommandOption option in Words.OptionsOf(command).Where(option => option.Suggestions.Count > 0))
                output.WriteLine($"        '^{command.Name} ({string.Join('|', Words.SpellingsOf(option))})$' {{ {List(option.Suggestions)}; break }}");
            output.WriteLine($"        '^{command.Name} ' {{");
            if (command.OperandChoices.Count > 0)
                output.WriteLine($"            {List(command.OperandChoices)}");
            foreach (CommandOption option in Words.OptionsOf(command))
                output.WriteLine($"            {string.Join("; ", Words.SpellingsOf(option).Select(spelling => Offer(spelling, option.Description)))}");
            output.WriteLine("            break");
            output.WriteLine("        }");
        }

        output.Write("""
                }
                if ($before.Count -lt 2) { $offers = $commands }
                $offers | Where-Object { $_.Text.StartsWith($word, 'Ordinal') } | ForEach-Object {
                    [System.Management.Automation.CompletionResult]::new($_.Text, $_.Text, 'ParameterValue', $_.Tip)
                }
            }

            """);
    }

    private static string List(IEnumerable<string> words) => string.Join("; ", words.Select(word => Offer(word, word)));

    private static string Offer(string text, string tip) => $"@{{ Text = {Quote(text)}; Tip = {Quote(tip)} }}";

    private static string Quote(string text) => Words.Quote(text, "''");
}
