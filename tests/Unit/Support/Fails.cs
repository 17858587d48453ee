using System;
using Xunit;

namespace Qed.Tests.Support;

/// <summary>Asserts that something is refused in the engine's own way, and hands the error on for a closer look.</summary>
internal static class Fails
{
    internal static DiskImageException With(ErrorKind kind, Action action)
    {
        DiskImageException error = Assert.Throws<DiskImageException>(action);
        Assert.True(kind == error.Kind, $"expected {kind}, got {error.Kind}: {error.Message}");
        return error;
    }

    /// <summary>Also asserts that the message contains a text.</summary>
    internal static DiskImageException With(ErrorKind kind, string text, Action action)
    {
        DiskImageException error = With(kind, action);
        Assert.Contains(text, error.Message, StringComparison.Ordinal);
        return error;
    }
}
