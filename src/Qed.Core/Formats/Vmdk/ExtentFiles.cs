using System;
using System.IO;
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
    /// <param name="options">Where files under construction lie.</param>
    /// <exception cref="DiskImageException">BackingFileRefused, ImageNotFound, and what opening a file throws.</exception>
    internal static HostFile Open(string name, HostFile image, ImageOpenOptions options)
    {
        RequireBareName(name, image.Path);
        string folder = Path.GetDirectoryName(image.Path)!;
        string path = Path.Combine(folder, name);
        if (options.PathsUnderConstruction?.TryGetValue(path, out string? place) != true)
            place = path;
        HostFile file;
        try
        {
            file = HostFile.Open(place!, path, image.Access);
        }
        catch (DiskImageException error) when (error.Kind == ErrorKind.ImageNotFound)
        {
            throw new DiskImageException(ErrorKind.ImageNotFound, $"the extent file '{name}' does not exist beside the descriptor", image.Path, error)
            {
                Remedy = Remedy.Advice("An image of several files is copied and moved with all of them."),
            };
        }

        try
        {
            RequireSameFolder(name, file, folder, image);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static void RequireBareName(string name, string imagePath)
    {
        string? fault = name switch
        {
            "" => "an empty name",
            "." or ".." => "the name of a folder",
            _ when name.IndexOfAny(['/', '\\']) >= 0 => "a path with folders",
            // A drive, a protocol, or a stream of another file.
            _ when name.Any(letter => letter == ':') => "a name with a colon",
            _ when name.Any(char.IsControl) => "a name with control characters",
            _ => null,
        };
        if (fault is not null)
            throw Refused($"an extent of the descriptor has {fault}, but extents must be files in the image's own folder: {Shorten(name)}", imagePath);
    }

    /// <summary>Asks where the opened file really lies, so that no link can be swapped between the question and the opening.</summary>
    private static void RequireSameFolder(string name, HostFile file, string folder, HostFile image)
    {
        // The image itself may be reached through a link: the folder where it really lies is its own as well.
        if (FolderOf(file) is { } real && (IsSame(real, folder) || (FolderOf(image) is { } own && IsSame(real, own))))
            return;
        throw Refused($"the extent '{name}' is a link that leads out of the image's own folder", image.Path);
    }

    private static string? FolderOf(HostFile file) => Path.GetDirectoryName(file.RealPath);

    private static bool IsSame(string left, string right)
        => string.Equals(left, right, HostPlatform.IsWindows ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal)
            || (FileIdentity.Of(left) is { } identity && identity == FileIdentity.Of(right));

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
