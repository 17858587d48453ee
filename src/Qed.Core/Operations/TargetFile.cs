using System.Globalization;
using System.Linq;
using Qed.Images;
using Qed.Storage;

namespace Qed.Operations;

/// <summary>What is common to all that write a file anew.</summary>
internal static class TargetFile
{
    /// <summary>Replacing an image, or one that it rests on, would destroy the very data that is being copied.</summary>
    /// <exception cref="DiskImageException">ImageExists.</exception>
    internal static void RefuseLinkOf(DiskImage source, string target)
    {
        if (FileIdentity.Of(target) is not { } existing)
            return;
        if (FileIdentity.Of(source.Path) == existing)
            throw new DiskImageException(ErrorKind.ImageExists, "source and target are the same file", target);
        if (HasFile(source, existing))
            throw new DiskImageException(ErrorKind.ImageExists, $"the target is one of the files of '{source.Path}'", target);
        if (HasLink(source.Backing, existing))
            throw new DiskImageException(ErrorKind.ImageExists, $"the target is a backing file of '{source.Path}'", target);
    }

    /// <summary>Whether a file belongs to an image of a chain.</summary>
    internal static bool HasLink(DiskImage? chain, FileIdentity file)
    {
        for (DiskImage? image = chain; image is not null; image = image.Backing)
        {
            if (HasFile(image, file))
                return true;
        }

        return false;
    }

    private static bool HasFile(DiskImage image, FileIdentity file) => image.Files.Any(path => FileIdentity.Of(path) == file);

    /// <summary>The error of a target that was read again and found different.</summary>
    internal static DiskImageException DiffersFromSource(string target, string source, long offset)
        => new(ErrorKind.ImageCorrupt, $"the target reads differently from '{source}' at guest offset {offset.ToString(CultureInfo.InvariantCulture)}; it was discarded", target)
        {
            Remedy = Remedy.Advice("The host's memory or disk may be failing."),
        };
}
