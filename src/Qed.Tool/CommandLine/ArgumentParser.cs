using System;
using System.Collections.Generic;
using System.Linq;

namespace Qed.Tool.CommandLine;

/// <summary>
/// Takes arguments apart as GNU getopt does, which qemu-img uses: options and operands in any order, letters in one word
/// (<c>-pq</c>, <c>-fqed</c>), long names cut short as far as they stay clear, the last of repeated values, and nothing
/// but operands behind <c>--</c>.
/// </summary>
internal static class ArgumentParser
{
    /// <exception cref="UsageException">An option that the command lacks, or refuses, or whose value is missing.</exception>
    internal static ParsedArguments Parse(ToolCommand command, IReadOnlyList<string> arguments)
    {
        var result = new ParsedArguments();
        int end = arguments.Count;
        if (command.LastIsOperand && end > 0 && !CommonOptions.AskForHelp(arguments[end - 1]))
            end--;
        var words = new Queue<string>(arguments.Take(end));
        while (words.TryDequeue(out string? word))
        {
            if (word == "--")
            {
                while (words.TryDequeue(out string? operand))
                    result.AddOperand(operand);
            }
            else if (word.StartsWith("--", StringComparison.Ordinal))
            {
                ParseLong(command, word, words, result);
            }
            else if (word.Length > 1 && word[0] == '-')
            {
                ParseLetters(command, word, words, result);
            }
            else
            {
                result.AddOperand(word);
            }
        }

        foreach (string last in arguments.Skip(end))
            result.AddOperand(last);
        return result;
    }

    private static void ParseLong(ToolCommand command, string word, Queue<string> words, ParsedArguments result)
    {
        int equals = word.IndexOf('=', StringComparison.Ordinal);
        string name = equals < 0 ? word[2..] : word[2..equals];
        CommandOption option = FindLong(command, name);
        string? value = equals < 0 ? null : word[(equals + 1)..];
        if (option.ValueName is null && value is not null)
            throw new UsageException($"option '{option.Spelling}' takes no value", mayHelp: true);
        Add(option, option.ValueName is null ? null : value ?? NextWord(option.Spelling, words), result);
    }

    private static CommandOption FindLong(ToolCommand command, string name)
    {
        CommandOption[] found = CommonOptions.AllOf(command).Where(option => option.LongName == name).ToArray();
        if (found.Length == 0)
            found = CommonOptions.AllOf(command).Where(option => option.LongName?.StartsWith(name, StringComparison.Ordinal) == true).ToArray();
        return found.Length switch
        {
            1 => found[0],
            0 => throw Unknown("--" + name),
            _ => throw new UsageException($"option '--{name}' is ambiguous: {string.Join(", ", found.Select(option => option.Spelling))}", mayHelp: true),
        };
    }

    private static void ParseLetters(ToolCommand command, string word, Queue<string> words, ParsedArguments result)
    {
        for (int i = 1; i < word.Length; i++)
        {
            CommandOption option = CommonOptions.AllOf(command).FirstOrDefault(option => option.Letter == word[i]) ?? throw Unknown("-" + word[i]);
            if (option.ValueName is null)
            {
                Add(option, null, result);
                continue;
            }

            string value = i + 1 < word.Length ? word[(i + 1)..] : NextWord("-" + word[i], words);
            Add(option, value, result);
            return;
        }
    }

    private static void Add(CommandOption option, string? value, ParsedArguments result)
    {
        if (option.Refusal is { } reason)
            throw new UsageException($"option '{option.Spelling}' is not supported: {reason}");
        result.Add(option, value);
    }

    private static string NextWord(string option, Queue<string> words)
        => words.TryDequeue(out string? value) ? value : throw new UsageException($"missing argument for option '{option}'", mayHelp: true);

    private static UsageException Unknown(string option) => new($"unrecognized option '{option}'", mayHelp: true);
}
