using System;
using System.Threading;

namespace Qed.Storage.Windows;

/// <summary>
/// Tries again what other programs are in the way of for a moment: virus scanners, indexers and backups open each file
/// that has just been closed, and Windows refuses meanwhile what their openings do not share.
/// </summary>
/// <param name="wait">Waits for a time.</param>
internal sealed class Patience(Action<TimeSpan> wait)
{
    /// <summary>How long a file is waited for that is whole and has only to get its name: hours of work may be in it.</summary>
    internal static readonly TimeSpan ForName = TimeSpan.FromSeconds(10);

    /// <summary>How long a file is waited for that is to be opened and was written just now.</summary>
    internal static readonly TimeSpan ForOpening = TimeSpan.FromSeconds(2);

    internal static readonly Patience Usual = new(Thread.Sleep);

    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Longest = TimeSpan.FromMilliseconds(500);

    /// <summary>Makes a call until it does not fail, fails for good, or the time is up.</summary>
    /// <param name="most">The time.</param>
    /// <param name="call">Gives the system's error, zero for none.</param>
    /// <param name="isPassing">Whether an error may pass.</param>
    /// <returns>The last call's error.</returns>
    internal int Try(TimeSpan most, Func<int> call, Func<int, bool> isPassing)
    {
        TimeSpan pause = First;
        int error;
        for (TimeSpan waited = TimeSpan.Zero; (error = call()) != WindowsError.None && isPassing(error) && waited < most; waited += pause)
        {
            pause = TimeSpan.FromTicks(Math.Min(pause.Ticks * 2, Math.Min(Longest.Ticks, (most - waited).Ticks)));
            wait(pause);
        }

        return error;
    }

    /// <summary>What another program's opening makes of an attempt to open.</summary>
    internal static bool IsShareConflict(int error) => error is WindowsError.SharingViolation or WindowsError.LockViolation;

    /// <summary>What another program's opening makes of an attempt to rename or remove: for what has the name already, "access denied".</summary>
    internal static bool IsNameConflict(int error) => IsShareConflict(error) || error == WindowsError.AccessDenied;
}
