using System.IO;

namespace Qed.Tool;

/// <summary>Where a command writes.</summary>
/// <param name="Output">Receives results.</param>
/// <param name="Error">Receives errors and warnings.</param>
/// <param name="IsTerminal">Whether a person is looking at <paramref name="Output"/>.</param>
public sealed record ToolConsole(TextWriter Output, TextWriter Error, bool IsTerminal);
