using System;
using System.Collections.Generic;
using System.IO;
using Qed.Storage;

namespace Qed.Formats;

/// <summary>The companions of an image that is a file of the host: other files of the host.</summary>
/// <param name="image">The image's own file.</param>
/// <param name="underConstruction">Where files that are being written lie, by the full path that they are to have; null where none is.</param>
internal sealed class HostCompanions(HostFile image, IReadOnlyDictionary<string, string>? underConstruction = null) : ICompanionFiles
{
    public BlockStorage? OpenBeside(string name)
    {
        string folder = Path.GetDirectoryName(image.Path)!;
        HostFile file = OpenFile(Path.Combine(folder, name));
        try
        {
            if (IsIn(folder, file))
                return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }

        file.Dispose();
        return null;
    }

    public BlockStorage Open(string path) => OpenFile(path);

    private HostFile OpenFile(string path)
        => HostFile.Open(underConstruction is not null && underConstruction.TryGetValue(path, out string? place) ? place : path, path, image.Access);

    /// <summary>Asks where the opened file really lies, so that no link can be swapped between the question and the opening.</summary>
    private bool IsIn(string folder, HostFile file)
        // The image itself may be reached through a link: the folder where it really lies is its own as well.
        => FolderOf(file) is { } real && (IsSame(real, folder) || (FolderOf(image) is { } own && IsSame(real, own)));

    private static string? FolderOf(HostFile file) => Path.GetDirectoryName(file.RealPath);

    private static bool IsSame(string left, string right)
        => string.Equals(left, right, HostPlatform.IsWindows ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal)
            || (FileIdentity.Of(left) is { } identity && identity == FileIdentity.Of(right));
}
