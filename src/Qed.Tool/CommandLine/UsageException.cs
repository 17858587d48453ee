using System;

namespace Qed.Tool.CommandLine;

/// <summary>What was asked for is not what the command takes.</summary>
internal sealed class UsageException : Exception
{
    internal UsageException(string message, bool mayHelp = false)
        : base(message) => MayHelp = mayHelp;

    /// <summary>Whether the help would tell what is right.</summary>
    internal bool MayHelp { get; }
}
