namespace Qed.Server;

/// <summary>How far an overlay is on its way to stand alone.</summary>
/// <param name="Done">Bytes of the disk that were looked at.</param>
/// <param name="Total">Bytes of the disk.</param>
/// <param name="IsComplete">Whether it stands alone, and the original is closed.</param>
/// <param name="Error">Why it goes on only when the image is served anew; null where nothing is wrong.</param>
public readonly record struct LiveCopyState(long Done, long Total, bool IsComplete, string? Error);
