using System.IO;

namespace Qed.Storage.Windows;

/// <summary>
/// Puts a whole file in the place of another one so that at every moment one of them is there, whatever a call answers.
/// </summary>
/// <remarks>
/// By MoveFileEx, which is one step on NTFS and ReFS. ReplaceFile is not used: it is three steps, each of which can fail with
/// the old file gone; it wants the new file to itself, which every scanner spoils; and it makes the new file compressed if
/// the old one was, which Windows then attaches no more. The old one's access list is given to the new one beforehand.
/// On FAT, and on some servers, MoveFileEx itself removes the old name before it gives it to the new file.
/// </remarks>
/// <param name="names">The system's calls.</param>
/// <param name="patience">How others' short looks at a file are waited for.</param>
internal sealed class WindowsRename(IWindowsNames names, Patience patience)
{
    internal static readonly WindowsRename Usual = new(WindowsNames.System, Patience.Usual);

    /// <summary>Gives a file its name.</summary>
    /// <param name="place">Where it lies.</param>
    /// <param name="path">The name.</param>
    /// <param name="overwrite">Whether a file of that name is replaced.</param>
    /// <exception cref="IOException">The system refuses; the file is still there, under its old name.</exception>
    internal void Run(string place, string path, bool overwrite)
    {
        int error = Move(place, path, overwrite);
        if (error == WindowsError.None)
            return;
        // The old file is gone: whatever was in the way of replacing it, now there is nothing to replace.
        if (overwrite && names.AttributesOf(path) is null && Move(place, path, overwrite: false) == WindowsError.None)
            return;
        throw SystemError.OfWindows(error);
    }

    /// <summary>Keeps a whole file that cannot have its name, under one that is not taken for a leftover.</summary>
    /// <param name="place">Where it lies.</param>
    /// <returns>Where it lies then.</returns>
    internal string Keep(string place)
    {
        string kept = place + ".whole";
        return Move(place, kept, overwrite: false) == WindowsError.None ? kept : place;
    }

    /// <summary>Removes a file that is there.</summary>
    /// <exception cref="IOException">The system refuses.</exception>
    internal void Delete(string path)
    {
        int error = patience.Try(Patience.ForOpening, () => names.Delete(path), Patience.IsShareConflict);
        if (error is not (WindowsError.None or WindowsError.FileNotFound))
            throw SystemError.OfWindows(error);
    }

    private int Move(string place, string path, bool overwrite)
        => patience.Try(Patience.ForName, () => names.Move(place, path, overwrite), Patience.IsNameConflict);
}
