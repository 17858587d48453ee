using System;

namespace Qed.Operations;

/// <summary>Connects the engine's meters with those who want to know.</summary>
internal static class ProgressReporting
{
    /// <summary>A meter that reports one activity, counted in bytes.</summary>
    /// <param name="progress">Who wants to know; null for nobody.</param>
    /// <param name="activity">What is being done, as a participle.</param>
    /// <param name="total">Bytes in all; zero while unknown.</param>
    internal static ProgressMeter Meter(this IProgress<OperationProgress>? progress, string activity, long total)
        => progress is null
            ? ProgressMeter.Silent
            : new ProgressMeter(total, (done, all) => progress.Report(new OperationProgress(activity, done, all, IsBytes: true)));
}
