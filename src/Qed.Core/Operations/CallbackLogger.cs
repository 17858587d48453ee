using System;
using Microsoft.Extensions.Logging;

namespace Qed.Operations;

/// <summary>How much a message of the engine's log matters.</summary>
public enum DiagnosticLevel
{
    /// <summary>Of interest when looking for a fault.</summary>
    Debug,

    /// <summary>What was done.</summary>
    Information,

    /// <summary>What the user should know.</summary>
    Warning,
}

/// <summary>A logger that hands each message to a callback, for front ends with an output of their own.</summary>
public sealed class CallbackLogger : ILogger
{
    private readonly Action<DiagnosticLevel, string> _write;

    /// <summary>Creates a logger.</summary>
    /// <param name="write">Called for each message, from any thread.</param>
    public CallbackLogger(Action<DiagnosticLevel, string> write) => _write = write ?? throw new ArgumentNullException(nameof(write));

    /// <inheritdoc/>
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    /// <inheritdoc/>
    public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

    /// <inheritdoc/>
    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (formatter is null)
            throw new ArgumentNullException(nameof(formatter));
        DiagnosticLevel level = logLevel switch
        {
            <= LogLevel.Debug => DiagnosticLevel.Debug,
            LogLevel.Information => DiagnosticLevel.Information,
            _ => DiagnosticLevel.Warning,
        };
        _write(level, formatter(state, exception));
    }
}
