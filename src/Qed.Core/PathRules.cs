using System.IO;

namespace Qed;

/// <summary>Whose rules say what a path means: those of this system, or, for whoever asks what another one would do, that one's.</summary>
internal enum PathRules
{
    /// <summary>A path is a row of names between slashes.</summary>
    Unix,

    /// <summary>A path may lead to a drive, another computer or a device: see <see cref="WindowsPath"/>.</summary>
    Windows,
}

/// <summary>The rules of the system that this runs on.</summary>
internal static class HostPathRules
{
    internal static readonly PathRules Current = Path.DirectorySeparatorChar == '\\' ? PathRules.Windows : PathRules.Unix;
}
