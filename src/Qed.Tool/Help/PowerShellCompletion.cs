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
        output.WriteLine("    $commands = [ordered]@{");
        foreach (ToolCommand command in CommandTree.All)
            output.WriteLine($"        {command.Name} = {Quote(command.Summary)}");
        output.WriteLine("    }");
        output.WriteLine("    $options = @{");
        foreach (ToolCommand command in CommandTree.All)
            output.WriteLine($"        {command.Name} = [ordered]@{{ {string.Join("; ", OptionsOf(command))} }}");
        output.WriteLine("    }");
        output.WriteLine("    $values = @{");
        foreach (ToolCommand command in CommandTree.All)
            output.WriteLine($"        {command.Name} = @{{ {string.Join("; ", ValuesOf(command))} }}");
        output.Write("""
                }
                $before = @($syntax.CommandElements | Where-Object { $_.Extent.EndOffset -lt $position } | ForEach-Object { "$_" })
                $offer = if ($before.Count -lt 2) { $commands }
                    elseif (-not $options[$before[1]]) { @{} }
                    elseif ($list = $values[$before[1]]."case $($before[-1])") { $all = [ordered]@{}; foreach ($value in $list) { $all[$value] = $value }; $all }
                    elseif ($list = $values[$before[1]]['case ']) { $all = [ordered]@{}; foreach ($value in $list) { $all[$value] = $value }; $all }
                    else { $all = [ordered]@{}; foreach ($pair in $options[$before[1]].GetEnumerator()) { $all[$pair.Key.Substring(5)] = $pair.Value }; $all }
                foreach ($pair in $offer.GetEnumerator()) {
                    if ($pair.Key.StartsWith($word, 'Ordinal')) { [System.Management.Automation.CompletionResult]::new($pair.Key, $pair.Key, 'ParameterValue', $pair.Value) }
                }
            }

            """);
    }

    private static IEnumerable<string> OptionsOf(ToolCommand command)
        => Words.OptionsOf(command).SelectMany(option => Words.SpellingsOf(option).Select(spelling => $"{Quote(spelling)} = {Quote(option.Description)}"));

    private static IEnumerable<string> ValuesOf(ToolCommand command)
        => Words.OptionsOf(command).Where(option => option.Suggestions.Count > 0)
            .SelectMany(option => Words.SpellingsOf(option).Select(spelling => $"{Quote(spelling)} = {List(option.Suggestions)}"));

    private static string List(IEnumerable<string> words) => string.Join(", ", words.Select(Quote));

    private static string Quote(string text) => Words.Quote(text, "''");
}
