using System;
using System.Globalization;
using System.IO;
using Xunit;

namespace Qed.Tests.Support;

/// <summary>
/// Counts how long a thread has kept a processor busy, by Linux's own books: a bound on work that nothing else counts, and
/// that stays what it is however much else the machine does.
/// </summary>
internal static class ThreadTime
{
    private const string Books = "/proc/thread-self/schedstat";

    /// <summary>The processor time that a piece of work takes on the thread that calls; skips the test where nobody knows.</summary>
    internal static TimeSpan During(Action work)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists(Books), "only Linux tells how long a thread has run");
        long before = Nanoseconds();
        work();
        return TimeSpan.FromMicroseconds((Nanoseconds() - before) / 1000);
    }

    private static long Nanoseconds() => long.Parse(File.ReadAllText(Books).Split(' ')[0], NumberStyles.None, CultureInfo.InvariantCulture);
}
