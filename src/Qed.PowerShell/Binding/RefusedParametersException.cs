using System;

namespace Qed.PowerShell.Binding;

/// <summary>Parameters that contradict each other, or are too few.</summary>
internal sealed class RefusedParametersException(string errorId, string message) : Exception(message)
{
    internal string ErrorId { get; } = errorId;
}
