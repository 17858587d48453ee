namespace Qed.Operations;

/// <summary>How far an operation has come.</summary>
/// <param name="Activity">What is being done, as a participle: "Converting", "Verifying".</param>
/// <param name="Done">Units done so far, out of <paramref name="Total"/>.</param>
/// <param name="Total">Units in all; zero while unknown.</param>
/// <param name="IsBytes">Whether the units are bytes, so that a rate makes sense.</param>
public readonly record struct OperationProgress(string Activity, long Done, long Total, bool IsBytes);
