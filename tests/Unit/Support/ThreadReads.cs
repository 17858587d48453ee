using System;
using System.Globalization;
using System.IO;
using System.Linq;
using Xunit;

namespace Qed.Tests.Support;

/// <summary>Counts what a thread reads from files, by Linux's own books, so that nothing has to stand between image and file.</summary>
internal static class ThreadReads
{
    private const string Books = "/proc/thread-self/io";

    /// <summary>Skips the test, saying why, where the system keeps no such books.</summary>
    internal static void Require() => Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists(Books), "only Linux tells how much a thread has read");

    /// <summary>The bytes that a piece of work reads on the thread that calls; skips the test where nobody knows.</summary>
    internal static long During(Action work)
    {
        Require();
        long before = Total();
        work();
        return Total() - before;
    }

    private static long Total()
    {
        string line = File.ReadLines(Books).First(line => line.StartsWith("rchar:", StringComparison.Ordinal));
        return long.Parse(line.AsSpan("rchar:".Length), NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture);
    }
}
