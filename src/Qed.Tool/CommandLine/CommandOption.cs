using System.Collections.Generic;

namespace Qed.Tool.CommandLine;

/// <summary>An option of a command, by a letter, a long name or both.</summary>
/// <param name="Letter">The letter of <c>-f</c>; null where there is only a long name.</param>
/// <param name="LongName">The name of <c>--output</c>; null where there is only a letter.</param>
/// <param name="ValueName">What its value is called in the help; null for a switch.</param>
/// <param name="Description">What it does, in one line.</param>
internal sealed record CommandOption(char? Letter, string? LongName, string? ValueName, string Description)
{
    /// <summary>Why an option of qemu-img is not taken; null where it is.</summary>
    internal string? Refusal { get; init; }

    /// <summary>The values that a shell can offer.</summary>
    internal IReadOnlyList<string> Suggestions { get; init; } = [];

    /// <summary>Whether its value is a file's name.</summary>
    internal bool NamesFile { get; init; }

    /// <summary>The option as messages name it.</summary>
    internal string Spelling => LongName is null ? "-" + Letter : "--" + LongName;

    internal static CommandOption Switch(char letter, string description) => new(letter, null, null, description);

    internal static CommandOption Switch(string longName, string description) => new(null, longName, null, description);

    internal static CommandOption WithValue(char letter, string valueName, string description) => new(letter, null, valueName, description);

    internal static CommandOption WithValue(string longName, string valueName, string description) => new(null, longName, valueName, description);
}
