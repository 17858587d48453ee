using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Formats;
using Qed.Storage;

namespace Qed.Operations;

/// <summary>Opens the files of QED images, for what can be done to no other format.</summary>
internal static class QedFile
{
    /// <summary>Opens a file and makes sure that it is a QED image.</summary>
    /// <param name="path">The file.</param>
    /// <param name="access">What for.</param>
    /// <param name="logger">Warned where nothing keeps others out.</param>
    /// <param name="rule">What is said of an image of another format.</param>
    /// <param name="remedy">What would help there.</param>
    /// <exception cref="DiskImageException">UnsupportedFeature for another format, and what opening and probing throw.</exception>
    internal static HostFile Open(string path, StorageAccess access, ILogger logger, string rule, Remedy? remedy = null)
    {
        HostFile file = HostFile.Open(path, access);
        try
        {
            MissingLocks.Tell(file, logger);
            ImageFormat format = FormatRegistry.Probe(file, RawFallback.Anything, NullLogger.Instance);
            if (format != FormatRegistry.Qed)
                throw new DiskImageException(ErrorKind.UnsupportedFeature, $"the image's format is {format.DisplayName}, and {rule}", file.Path) { Remedy = remedy };
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }
}
