namespace Qed.Formats.Vmdk;

/// <summary>Grains side by side that an extent's tables say the same of.</summary>
/// <param name="Kind">What they are.</param>
/// <param name="Sector">Where the first one lies in the file, where it is data; those behind it follow there unless compressed.</param>
/// <param name="Grains">How many, at least 1.</param>
internal readonly record struct GrainRun(ExtentKind Kind, uint Sector, long Grains);
