using System;
using System.Management.Automation;

namespace Qed.PowerShell.Pipeline;

/// <summary>Turns the engine's errors into PowerShell's: the kind is the error id, and each kind has one category.</summary>
internal static class ErrorRecords
{
    /// <param name="error">What was thrown.</param>
    /// <param name="target">The path that was asked about. Another file that is to blame is in the exception alone.</param>
    /// <param name="words">What the running cmdlet calls remedies.</param>
    internal static ErrorRecord From(Exception error, object target, RemedyWords words) => error switch
    {
        DiskImageException image => From(image.WithWords(words.Of), target),
        OperationCanceledException => From(new DiskImageException(ErrorKind.OperationCanceled, "the operation was cancelled", target as string, error), target),
        // A fault of the module itself: reported for this item, with its own name, so that the others are still worked on.
        _ => new ErrorRecord(error, error.GetType().Name, ErrorCategory.NotSpecified, target),
    };

    private static ErrorRecord From(DiskImageException error, object target)
        => new(error, error.Kind.ToString(), CategoryOf(error.Kind), target);

    private static ErrorCategory CategoryOf(ErrorKind kind) => kind switch
    {
        ErrorKind.ImageNotFound or ErrorKind.BackingFileMissing => ErrorCategory.ObjectNotFound,
        ErrorKind.ImageNotRecognized or ErrorKind.ImageCorrupt or ErrorKind.BackingChainLoop => ErrorCategory.InvalidData,
        ErrorKind.ImageInUse => ErrorCategory.ResourceBusy,
        ErrorKind.ImageExists => ErrorCategory.ResourceExists,
        ErrorKind.UnsupportedFeature => ErrorCategory.NotImplemented,
        ErrorKind.InvalidSize or ErrorKind.InvalidGeometry => ErrorCategory.InvalidArgument,
        ErrorKind.BackingFileRefused => ErrorCategory.SecurityError,
        ErrorKind.NotEnoughSpace => ErrorCategory.ResourceUnavailable,
        ErrorKind.AccessDenied => ErrorCategory.PermissionDenied,
        ErrorKind.OperationCanceled => ErrorCategory.OperationStopped,
        _ => ErrorCategory.NotSpecified,
    };
}
