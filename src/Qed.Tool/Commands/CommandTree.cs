using System.Collections.Generic;
using System.Linq;
using Qed.Tool.CommandLine;

namespace Qed.Tool.Commands;

/// <summary>All sub-commands, which help, manual page and completions are made from.</summary>
internal static class CommandTree
{
    // What qemu-img has besides, and why it is not here.
    private static readonly (string Name, string Reason)[] Refused =
    [
        ("amend", "convert the image to one with other options"),
        ("bench", "it is a benchmark of QEMU's own block layer"),
        ("bitmap", "dirty bitmaps are not kept"),
        ("snapshot", "internal snapshots are only read: 'qed convert -l' writes one to a new image"),
    ];

    internal static IReadOnlyList<ToolCommand> All { get; } =
    [
        CreateCommand.Definition,
        InfoCommand.Definition,
        CheckCommand.Definition,
        ConvertCommand.Definition,
        DdCommand.Definition,
        ResizeCommand.Definition,
        OptimizeCommand.Definition,
        CommitCommand.Definition,
        RebaseCommand.Definition,
        CompareCommand.Definition,
        MapCommand.Definition,
        MeasureCommand.Definition,
        ServeCommand.Definition,
        DemoCommand.Definition,
        CompletionsCommand.Definition,
        ManCommand.Definition,
    ];

    /// <exception cref="UsageException">There is no such command.</exception>
    internal static ToolCommand Find(string name)
    {
        if (All.FirstOrDefault(command => command.Name == name) is { } found)
            return found;
        throw Refused.FirstOrDefault(command => command.Name == name) is { Reason: { } reason }
            ? new UsageException($"the command '{name}' is not supported: {reason}")
            : new UsageException("Command not found: " + name, mayHelp: true);
    }
}
