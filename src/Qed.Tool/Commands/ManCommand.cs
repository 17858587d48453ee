using Qed.Tool.CommandLine;
using Qed.Tool.Help;

namespace Qed.Tool.Commands;

/// <summary><c>qed man</c>: the manual page.</summary>
internal static class ManCommand
{
    internal static ToolCommand Definition { get; } = new()
    {
        Name = "man",
        Summary = "Write the manual page: qed man | man -l -",
        Run = static (_, session) =>
        {
            ManPage.Write(session.Output);
            return ExitCode.Success;
        },
    };
}
