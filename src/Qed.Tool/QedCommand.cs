using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using Qed.Tool.CommandLine;
using Qed.Tool.Commands;
using Qed.Tool.Help;
using Qed.Tool.Output;

namespace Qed.Tool;

/// <summary>The command <c>qed</c>: finds the sub-command, runs it, and turns whatever goes wrong into a message and an exit code.</summary>
public static class QedCommand
{
    /// <summary>Runs one call.</summary>
    /// <param name="arguments">The arguments, without the program's own name.</param>
    /// <param name="console">Where to write.</param>
    /// <param name="cancellation">Stops the work; nothing half written is left.</param>
    /// <returns>The exit code, as qemu-img has it.</returns>
    public static int Run(IReadOnlyList<string> arguments, ToolConsole console, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        ArgumentNullException.ThrowIfNull(console);
        try
        {
            return Dispatch(arguments, console, cancellation);
        }
        catch (UsageException error)
        {
            return Fail(console, error.Message, error.MayHelp ? "Try 'qed --help' for more information" : null);
        }
    }

    private static int Dispatch(IReadOnlyList<string> arguments, ToolConsole console, CancellationToken cancellation)
    {
        if (arguments.Count == 0)
            throw new UsageException("Not enough arguments", mayHelp: true);
        string name = arguments[0];
        if (name == "help" || CommonOptions.AskForHelp(name))
        {
            HelpText.WriteOverview(console.Output);
            return ExitCode.Success;
        }

        if (name is "-V" or "--version")
        {
            console.Output.WriteLine("qed version " + HelpText.Version);
            return ExitCode.Success;
        }

        if (name.StartsWith('-'))
            throw new UsageException($"unrecognized option '{name}'", mayHelp: true);
        ToolCommand command = CommandTree.Find(name);
        return Run(command, arguments.Skip(1).ToArray(), console, cancellation);
    }

    private static int Run(ToolCommand command, string[] arguments, ToolConsole console, CancellationToken cancellation)
    {
        try
        {
            ParsedArguments parsed = ArgumentParser.Parse(command, arguments);
            if (parsed.Has(CommonOptions.Help))
            {
                HelpText.WriteCommand(command, console.Output);
                return ExitCode.Success;
            }

            return command.Run(parsed, new Session(console, parsed, cancellation));
        }
        catch (UsageException error) when (error.MayHelp)
        {
            return Fail(console, error.Message, $"Try 'qed {command.Name} --help' for more information");
        }
        catch (DiskImageException error)
        {
            (string message, string? continuation) = ErrorWords.Of(error, command);
            Fail(console, message, continuation);
            return command.FailureCode;
        }
        catch (OperationCanceledException)
        {
            Fail(console, "interrupted");
            return ExitCode.Interrupted;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            Fail(console, error.Message);
            return command.FailureCode;
        }
    }

    private static int Fail(ToolConsole console, string message, string? advice = null)
    {
        ErrorText.Write(console.Error, message);
        if (advice is not null)
            console.Error.WriteLine(advice);
        return ExitCode.Failure;
    }
}
