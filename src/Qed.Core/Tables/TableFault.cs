namespace Qed.Tables;

/// <summary>A table entry that breaks a rule of the format.</summary>
/// <param name="Kind">The rule.</param>
/// <param name="Entry">What stands there.</param>
/// <param name="L1Index">Index of the L1 entry concerned.</param>
/// <param name="L2Index">Index of the L2 entry concerned; null where it is the L1 entry itself.</param>
internal readonly record struct TableFault(CheckIssueKind Kind, ulong Entry, int L1Index, int? L2Index);
