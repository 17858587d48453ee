namespace Qed.Storage;

/// <summary>Where a new image is written: one file, or several for formats that need them.</summary>
public abstract class ImageTarget
{
    /// <summary>The full path that the image is to have.</summary>
    public abstract string Target { get; }

    /// <summary>The bytes of the image's file.</summary>
    public abstract BlockStorage Storage { get; }

    /// <summary>Starts a further file of the same image, beside the first.</summary>
    /// <param name="name">Its file name.</param>
    /// <exception cref="DiskImageException">ImageExists, ImageInUse, AccessDenied.</exception>
    internal abstract BlockStorage AddCompanion(string name);
}
