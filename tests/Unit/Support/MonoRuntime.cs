using System;
using Xunit;

namespace Qed.Tests.Support;

/// <summary>Mono, which runs programs of .NET Framework on Linux: tests/Unit.Framework. It lacks some of what both have.</summary>
internal static class MonoRuntime
{
    private static readonly bool IsHere = Type.GetType("Mono.Runtime") is not null;

    /// <summary>Skips the test where it would have to show what Mono lacks.</summary>
    /// <param name="lack">What that is, as the end of a sentence: "... on Mono".</param>
    internal static void CannotShow(string lack) => Assert.SkipWhen(IsHere, lack + " on Mono");

    /// <summary>Skips the test where a device, a mount or a full disk waits for a file to be closed.</summary>
    internal static void RequireClosing() => CannotShow("nothing is closed that was opened by a call of the system");
}
