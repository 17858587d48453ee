using System;
using System.IO;

namespace Qed.Tool;

/// <summary>Where a command writes.</summary>
/// <param name="Output">Receives results.</param>
/// <param name="Error">Receives errors and warnings.</param>
/// <param name="IsTerminal">Whether a person is looking at <paramref name="Output"/>.</param>
public sealed record ToolConsole(TextWriter Output, TextWriter Error, bool IsTerminal)
{
    /// <summary>Opens what a disk's bytes are read from where <c>-</c> names it.</summary>
    public Func<Stream> OpenInput { get; init; } = StandardStreams.OpenData;

    /// <summary>Opens what a disk's bytes are written to where <c>-</c> names it.</summary>
    public Func<Stream> OpenOutput { get; init; } = StandardStreams.CreateData;
}
