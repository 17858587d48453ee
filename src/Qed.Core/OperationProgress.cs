namespace Qed;

/// <summary>How far an operation has come; told a few times a second at most.</summary>
/// <param name="Activity">What is being done, as a participle: "Converting", "Verifying".</param>
/// <param name="Done">Bytes done so far, out of <paramref name="Total"/>.</param>
/// <param name="Total">Bytes in all; zero while unknown.</param>
public readonly record struct OperationProgress(string Activity, long Done, long Total);
