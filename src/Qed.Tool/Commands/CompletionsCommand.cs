using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Qed.Tool.CommandLine;
using Qed.Tool.Help;

namespace Qed.Tool.Commands;

/// <summary><c>qed completions</c>: what makes a shell complete this command.</summary>
internal static class CompletionsCommand
{
    private static readonly Dictionary<string, Action<TextWriter>> Shells = new()
    {
        ["bash"] = BashCompletion.Write,
        ["zsh"] = ZshCompletion.Write,
        ["fish"] = FishCompletion.Write,
        ["pwsh"] = PowerShellCompletion.Write,
    };

    internal static ToolCommand Definition { get; } = new()
    {
        Name = "completions",
        Summary = "Write what a shell completes this command by.",
        Operands = string.Join('|', Shells.Keys),
        OperandChoices = Shells.Keys.ToArray(),
        Run = Run,
    };

    private static int Run(ParsedArguments arguments, Session session)
    {
        if (arguments.Operands.Count != 1 || !Shells.TryGetValue(arguments.Operands[0], out Action<TextWriter>? write))
            throw new UsageException("Expecting the name of a shell: " + string.Join(", ", Shells.Keys), mayHelp: true);
        write(session.Output);
        return ExitCode.Success;
    }
}
