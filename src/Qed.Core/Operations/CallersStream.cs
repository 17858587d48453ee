using System;
using System.IO;

namespace Qed.Operations;

/// <summary>Gives errors of a stream that is the caller's the engine's own form.</summary>
internal static class CallersStream
{
    /// <exception cref="DiskImageException">AccessDenied where the stream fails.</exception>
    internal static void Use(string imagePath, Action action)
    {
        try
        {
            action();
        }
        catch (Exception error) when (error is IOException or NotSupportedException or ObjectDisposedException or UnauthorizedAccessException)
        {
            throw new DiskImageException(ErrorKind.AccessDenied, "the stream failed: " + error.Message.TrimEnd('.'), imagePath, error);
        }
    }
}
