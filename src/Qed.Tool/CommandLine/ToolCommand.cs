using System;
using System.Collections.Generic;

namespace Qed.Tool.CommandLine;

/// <summary>A sub-command: all that parsing, help, the manual page and completions know of it.</summary>
internal sealed class ToolCommand
{
    /// <summary>What it is called by.</summary>
    internal required string Name { get; init; }

    /// <summary>What it does, in one line.</summary>
    internal required string Summary { get; init; }

    /// <summary>The operands as the help shows them.</summary>
    internal string Operands { get; init; } = string.Empty;

    /// <summary>What else there is to know.</summary>
    internal string? Remarks { get; init; }

    /// <summary>The options, in the order of the help.</summary>
    internal IReadOnlyList<CommandOption> Options { get; init; } = [];

    /// <summary>Words that can stand as its operand; empty where files do.</summary>
    internal IReadOnlyList<string> OperandChoices { get; init; } = [];

    /// <summary>Whether the last word is an operand even where it starts with a minus sign, as in <c>resize disk.qed -1G</c>.</summary>
    internal bool LastIsOperand { get; init; }

    /// <summary>The exit code of an error that is not one of usage.</summary>
    internal int FailureCode { get; init; } = ExitCode.Failure;

    /// <summary>Does the work.</summary>
    internal required Func<ParsedArguments, Session, int> Run { get; init; }
}
