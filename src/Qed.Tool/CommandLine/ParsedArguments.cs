using System.Collections.Generic;
using System.Linq;

namespace Qed.Tool.CommandLine;

/// <summary>The options and operands of one call.</summary>
internal sealed class ParsedArguments
{
    private readonly List<(CommandOption Option, string? Value)> _options = [];
    private readonly List<string> _operands = [];

    /// <summary>What is not an option, in order.</summary>
    internal IReadOnlyList<string> Operands => _operands;

    internal void Add(CommandOption option, string? value) => _options.Add((option, value));

    internal void AddOperand(string text) => _operands.Add(text);

    /// <summary>Whether an option was given.</summary>
    internal bool Has(CommandOption option) => _options.Any(given => given.Option == option);

    /// <summary>The value of an option, the last one where it was given more than once; null where it was not.</summary>
    internal string? ValueOf(CommandOption option) => _options.LastOrDefault(given => given.Option == option).Value;

    /// <summary>Every value of an option, in order.</summary>
    internal IReadOnlyList<string> ValuesOf(CommandOption option)
        => _options.Where(given => given.Option == option).Select(given => given.Value!).ToArray();
}
