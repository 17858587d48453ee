using System;
using System.IO;
using System.Threading;
using Microsoft.Extensions.Logging;
using Qed.Operations;
using Qed.Tool.CommandLine;
using Qed.Tool.Output;

namespace Qed.Tool;

/// <summary>What a command works in: where it writes, what stops it, and what it tells meanwhile.</summary>
internal sealed class Session
{
    private readonly ToolConsole _console;
    private readonly bool _mayShowProgress;

    internal Session(ToolConsole console, ParsedArguments arguments, CancellationToken cancellation)
    {
        _console = console;
        Cancellation = cancellation;
        IsQuiet = arguments.Has(CommonOptions.Quiet);
        _mayShowProgress = console.IsTerminal && arguments.Has(CommonOptions.Progress) && !IsQuiet;
        bool isVerbose = arguments.Has(CommonOptions.Verbose);
        Logger = new CallbackLogger((level, message) =>
        {
            if (level == DiagnosticLevel.Warning)
                Warn(message);
            else if (isVerbose)
                Complain(message);
        });
    }

    /// <summary>Opens standard input for a disk's bytes.</summary>
    internal Stream OpenInput() => _console.OpenInput();

    /// <summary>Opens standard output for a disk's bytes, after which nothing else may be written there.</summary>
    internal Stream OpenOutput()
        => _console.IsTerminal ? throw new UsageException("a disk's bytes are not written to a terminal: send standard output elsewhere") : _console.OpenOutput();

    /// <summary>Where results go.</summary>
    internal TextWriter Output => _console.Output;

    /// <summary>Stops the work.</summary>
    internal CancellationToken Cancellation { get; }

    /// <summary>Receives what the engine has to say.</summary>
    internal ILogger Logger { get; }

    /// <summary>Whether nothing but errors is to be written.</summary>
    internal bool IsQuiet { get; }

    /// <summary>Writes a line unless the user wants none.</summary>
    internal void Say(string line)
    {
        if (!IsQuiet)
            Output.WriteLine(line);
    }

    /// <summary>Writes a warning unless the user wants none.</summary>
    internal void Warn(string message)
    {
        if (!IsQuiet)
            ErrorText.Write(_console.Error, "warning: " + message);
    }

    /// <summary>Writes an error.</summary>
    internal void Complain(string message) => ErrorText.Write(_console.Error, message);

    /// <summary>Passes on a line that another process has complained of, as it is.</summary>
    internal void CopyError(string line) => _console.Error.WriteLine(line);

    /// <summary>Does work that may take long, showing how far it is where that was asked for.</summary>
    internal T ShowProgress<T>(Func<IProgress<OperationProgress>?, T> work)
    {
        if (!_mayShowProgress)
            return work(null);
        var line = new ProgressLine(Output);
        try
        {
            T result = work(line);
            line.Complete();
            return result;
        }
        finally
        {
            line.End();
        }
    }

    /// <summary>Runs another command of the tool in the same place.</summary>
    internal int Run(params string[] arguments) => QedCommand.Run(arguments, _console, Cancellation);
}
