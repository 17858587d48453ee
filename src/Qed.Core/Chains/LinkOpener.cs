using Qed.Images;
using Qed.Storage;

namespace Qed.Chains;

/// <summary>Opens an image of a chain.</summary>
/// <param name="path">Its file.</param>
/// <param name="format">The short name of its format; null to probe.</param>
/// <param name="identity">The file that was opened.</param>
internal delegate DiskImage LinkOpener(string path, string? format, out FileIdentity identity);
