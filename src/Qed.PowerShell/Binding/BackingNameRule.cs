using System.IO;
using System.Linq;
using System.Management.Automation;

namespace Qed.PowerShell.Binding;

/// <summary>Decides which backing file name an image stores for what the user wrote after -BackingPath.</summary>
/// <remarks>
/// An absolute path is stored as one. A relative one is meant from where the user stands and stored relative to the
/// image, so that both can move together; only where it leads nowhere from here, but does from the image's folder, was
/// it meant from there, as qemu-img means it.
/// </remarks>
internal sealed class BackingNameRule(SessionState session, PathResolver resolver)
{
    /// <param name="written">What the user wrote.</param>
    /// <param name="imagePath">Full path of the image that is to rest on it.</param>
    /// <exception cref="DiskImageException">BackingFileMissing for a missing drive, BackingFileRefused for a foreign provider.</exception>
    internal string NameFor(string written, string imagePath)
    {
        // Passed on as it is: the engine names the form and refuses it.
        if (IsPseudoProtocol(written))
            return written;
        string full = Resolve(written, imagePath);
        if (IsAbsolute(written))
            return full;
        bool isMeantFromImage = !File.Exists(full) && File.Exists(Path.Combine(Path.GetDirectoryName(imagePath) ?? string.Empty, written));
        return isMeantFromImage ? written : StoredName.NameFor(full, imagePath);
    }

    private bool IsPseudoProtocol(string written)
        => StoredName.IsPseudoProtocol(written)
            && !session.Path.IsProviderQualified(written)
            && !session.Drive.GetAll().Any(drive => written.StartsWith(drive.Name + ":", System.StringComparison.OrdinalIgnoreCase));

    private bool IsAbsolute(string written)
        => Path.IsPathRooted(written)
            || written == "~" || written.StartsWith("~/", System.StringComparison.Ordinal) || written.StartsWith("~\\", System.StringComparison.Ordinal)
            || session.Path.IsProviderQualified(written)
            || session.Path.IsPSAbsolute(written, out _);

    private string Resolve(string written, string imagePath)
    {
        try
        {
            return resolver.ResolveLiteral(written);
        }
        catch (DiskImageException error)
        {
            ErrorKind kind = error.Kind == ErrorKind.ImageNotFound ? ErrorKind.BackingFileMissing : ErrorKind.BackingFileRefused;
            throw new DiskImageException(kind, "the backing file cannot be found: " + error.Message.TrimEnd('.'), imagePath, error);
        }
    }
}
