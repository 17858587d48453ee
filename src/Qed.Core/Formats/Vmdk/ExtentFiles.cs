using System.Linq;
using Qed.Storage;

namespace Qed.Formats.Vmdk;

/// <summary>
/// Opens the files that a descriptor names. The names come from an untrusted file, and a flat extent shows whatever file
/// it names (CVE-2022-47951): so they are bare names of files in the image's own folder, and links must not lead out of it.
/// </summary>
internal static class ExtentFiles
{
    /// <summary>Opens one extent's file, for what the image itself was opened for.</summary>
    /// <param name="name">The name as the descriptor has it.</param>
    /// <param name="image">The descriptor's file.</param>
    /// <param name="options">Where there are further files.</param>
    /// <exception cref="DiskImageException">BackingFileRefused, ImageNotFound, UnsupportedFeature where there are none, and what opening a file throws.</exception>
    internal static BlockStorage Open(string name, BlockStorage image, ImageOpenOptions options)
    {
        RequireBareName(name, image.Path, HostPathRules.Current);
        try
        {
            return options.RequireCompanions(name, image).OpenBeside(name)
                ?? throw Refused($"the extent '{name}' is a link that leads out of the image's own folder", image.Path);
        }
        catch (DiskImageException error) when (error.Kind == ErrorKind.ImageNotFound)
        {
            throw new DiskImageException(ErrorKind.ImageNotFound, $"the extent file '{name}' does not exist beside the descriptor", image.Path, error)
            {
                Remedy = Remedy.Advice("An image of several files is copied and moved with all of them."),
            };
        }
    }

    internal static void RequireBareName(string name, string imagePath, PathRules rules)
    {
        string? fault = name switch
        {
            "" => "an empty name",
            "." or ".." => "the name of a folder",
            _ when name.IndexOfAny(['/', '\\']) >= 0 => "a path with folders",
            // A drive, a protocol, or a stream of another file.
            _ when name.Any(letter => letter == ':') => "a name with a colon",
            _ when name.Any(char.IsControl) => "a name with control characters",
            _ when rules == PathRules.Windows && WindowsPath.EndsInDevice(name) => "the name of a device of the system",
            _ => null,
        };
        if (fault is not null)
            throw Refused($"an extent of the descriptor has {fault}, but extents must be files in the image's own folder: {Shorten(name)}", imagePath);
    }

    private static string Shorten(string name)
    {
        const int Longest = 80;
        return name.Length <= Longest ? name : $"{name.Substring(0, Longest)}...";
    }

    private static DiskImageException Refused(string rule, string path) => new(ErrorKind.BackingFileRefused, rule, path)
    {
        Remedy = Remedy.Advice("If you trust the image, put all of its files into one folder and correct the names in its descriptor."),
    };
}
