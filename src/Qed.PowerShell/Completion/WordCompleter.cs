using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Language;
using Qed.Operations;

namespace Qed.PowerShell.Completion;

/// <summary>Completes a parameter with words that fit the others; whether a value is a good one is the engine's to say.</summary>
public abstract class WordCompleter : IArgumentCompleter
{
    /// <summary>The words that start as the typed one does.</summary>
    /// <param name="commandName">The cmdlet.</param>
    /// <param name="parameterName">The parameter.</param>
    /// <param name="wordToComplete">What was typed so far.</param>
    /// <param name="commandAst">The command line.</param>
    /// <param name="fakeBoundParameters">The other parameters.</param>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName,
        string parameterName,
        string wordToComplete,
        CommandAst commandAst,
        IDictionary fakeBoundParameters)
    {
        string typed = (wordToComplete ?? string.Empty).Trim('\'', '"');
        return Words(fakeBoundParameters)
            .Where(word => word.StartsWith(typed, StringComparison.OrdinalIgnoreCase))
            .Select(word => new CompletionResult(Quoted(word), word, CompletionResultType.ParameterValue, word));
    }

    /// <summary>All words that fit.</summary>
    /// <param name="others">The other parameters as far as they are typed.</param>
    private protected abstract IEnumerable<string> Words(IDictionary others);

    /// <summary>The format of the new image, as its name or its file's says; null where neither does.</summary>
    private protected static FormatInfo? TargetFormat(IDictionary others)
    {
        string? name = (others["Format"] ?? others["VHDFormat"]) as string;
        return name is not null
            ? FormatInfo.All.FirstOrDefault(format => format.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
            : (others["DestinationPath"] ?? others["Path"] ?? others["LiteralPath"]) is string path ? FormatInfo.ByExtension(path) : null;
    }

    private static string Quoted(string word)
        => word.All(letter => char.IsLetterOrDigit(letter) || letter is '-' or '_' or '.') ? word : "'" + word.Replace("'", "''") + "'";
}
