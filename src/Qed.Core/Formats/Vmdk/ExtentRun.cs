namespace Qed.Formats.Vmdk;

/// <summary>A run of one kind within an extent.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Length">Its length in bytes, at least 1.</param>
/// <param name="HostOffset">Where it lies in the extent's file, where it does as it is.</param>
internal readonly record struct ExtentRun(ExtentKind Kind, long Length, long? HostOffset);
