using System.Collections.Generic;
using Microsoft.Extensions.Logging;
using Qed.Operations;

namespace Qed.Tests.Support;

/// <summary>Keeps the warnings that users would get; of use from any thread.</summary>
internal sealed class LoggedWarnings
{
    private readonly List<string> _messages = [];

    internal LoggedWarnings() => Logger = new CallbackLogger((level, message) =>
    {
        lock (_messages)
        {
            if (level == DiagnosticLevel.Warning)
                _messages.Add(message);
        }
    });

    internal ILogger Logger { get; }

    internal IReadOnlyList<string> Messages
    {
        get
        {
            lock (_messages)
                return _messages.ToArray();
        }
    }
}
