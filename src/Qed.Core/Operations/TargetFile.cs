using Qed.Formats;
using Qed.Images;
using Qed.Storage;

namespace Qed.Operations;

/// <summary>Starts a new image in a file under construction, so that errors name the file the user asked for.</summary>
internal static class TargetFile
{
    internal static ImageWriter CreateWriter(PendingFile file, ImageFormat format, TargetOptions options)
    {
        try
        {
            return format.CreateWriter(file, options);
        }
        catch (DiskImageException error) when (error.Path == file.Storage.Path)
        {
            throw error.WithPath(file.Target);
        }
    }
}
