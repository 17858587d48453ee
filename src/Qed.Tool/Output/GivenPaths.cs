using System.IO;

namespace Qed.Tool.Output;

/// <summary>Paths as the user wrote them, where the engine knows full ones only.</summary>
internal static class GivenPaths
{
    /// <summary>The name of a backing file, seen from where the image's name was written.</summary>
    internal static string BackingOf(string image, string backingName)
    {
        if (Path.IsPathRooted(backingName))
            return backingName;
        int end = image.LastIndexOfAny([Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar]);
        return image[..(end + 1)] + backingName;
    }
}
