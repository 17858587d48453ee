using Qed.Storage.Windows;

namespace Qed.Storage;

/// <summary>Who may use a file that is created, from its first moment on.</summary>
internal sealed record NewFilePrivacy
{
    /// <summary>Whom the folder, or the user's settings, let use it.</summary>
    internal static readonly NewFilePrivacy Usual = new();

    /// <summary>Nobody but whoever creates it, where the file system knows owners (Linux); on Windows whom the folder says.</summary>
    internal static readonly NewFilePrivacy OwnersOnly = new() { IsPrivate = true };

    /// <summary>Whether nobody but its owner may (Linux), where the file system knows owners.</summary>
    internal bool IsPrivate { get; init; }

    /// <summary>Who may, as a security descriptor (Windows); null for whom the folder says.</summary>
    internal byte[]? AccessList { get; init; }

    /// <summary>Whether the file system encrypts it (Windows), where it can.</summary>
    internal bool IsEncrypted { get; init; }

    /// <summary>For a file that goes with another one, whose contents it shows: nobody may use it who may not use that.</summary>
    internal static NewFilePrivacy AsOf(HostFile other) => new() { IsPrivate = true, AccessList = HostPlatform.IsWindows ? AccessLists.Of(other.Place) : null };
}
