using System;
using System.Runtime.InteropServices;
using Xunit;

namespace Qed.Tests.Support;

/// <summary>Wine, in which Windows' programs run on Linux: tests/Windows. It lacks some of what Windows has.</summary>
internal static class Wine
{
    /// <summary>Whether this is Wine's Windows, and no real one.</summary>
    internal static bool IsHere { get; } = OperatingSystem.IsWindows()
        && NativeLibrary.TryLoad("ntdll", out nint system) && NativeLibrary.TryGetExport(system, "wine_get_version", out _);

    /// <summary>Skips the test where it would have to show what Wine lacks.</summary>
    /// <param name="lack">What that is, as the end of a sentence: "... under Wine".</param>
    internal static void CannotShow(string lack) => Assert.SkipWhen(IsHere, lack + " under Wine");
}
