using System;
using Qed.Storage;

namespace Qed.Targets;

/// <summary>Where a new image is written: one file, or several for formats that need them.</summary>
internal abstract class ImageTarget
{
    /// <summary>The full path that the image is to have.</summary>
    public abstract string Target { get; }

    /// <summary>The bytes of the image's file, as of one that is new: what is not written reads as zeroes.</summary>
    public abstract BlockStorage Storage { get; }

    /// <summary>The length that the image's file has and keeps, as a block device does; null where it is as long as what is written.</summary>
    internal virtual long? FixedLength => null;

    /// <summary>Starts a further file of the same image, beside the first.</summary>
    /// <param name="name">The file name that it should have.</param>
    /// <returns>The file, and the name that it will have: another one where an image that is to be overwritten has a file of that name.</returns>
    /// <exception cref="DiskImageException">ImageExists, AccessDenied; UnsupportedFeature where there can be one file only.</exception>
    internal abstract (string Name, BlockStorage Storage) AddCompanion(string name);

    /// <summary>
    /// Says that the whole file belongs to the image, also what lies behind it where the length is fixed: there must not be
    /// left at the end what another format would be known by.
    /// </summary>
    /// <param name="end">What is to stand in the last bytes of such a file; all zeroes for nothing.</param>
    internal virtual void EndWith(ReadOnlySpan<byte> end)
    {
    }
}
