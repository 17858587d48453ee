using System;
using System.Collections.Generic;
using System.Globalization;
using Qed.Operations;

namespace Qed.PowerShell.Serving;

/// <summary>What a server and its images have to say: to the command that starts them, and the last of it to whoever asks later.</summary>
internal sealed class ServerMessages
{
    private const int Most = 100;

    private readonly Queue<string> _last = new();
    private volatile Action<DiagnosticLevel, string>? _listener;

    internal ServerMessages() => Logger = new CallbackLogger(Add);

    /// <summary>Where it is said.</summary>
    internal CallbackLogger Logger { get; }

    /// <summary>Who hears of it at once; nobody when the command ends, which shows nothing any more.</summary>
    internal void TellTo(Action<DiagnosticLevel, string>? listener) => _listener = listener;

    /// <summary>The last warnings.</summary>
    internal string[] Last()
    {
        lock (_last)
            return _last.ToArray();
    }

    private void Add(DiagnosticLevel level, string message)
    {
        _listener?.Invoke(level, message);
        if (level != DiagnosticLevel.Warning)
            return;
        lock (_last)
        {
            if (_last.Count == Most)
                _last.Dequeue();
            _last.Enqueue(DateTime.Now.ToString("s", CultureInfo.InvariantCulture) + " " + message);
        }
    }
}
