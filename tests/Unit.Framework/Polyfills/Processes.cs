using System.Linq;

namespace Qed.Tests.Support;

/// <summary>How a program is started with words: .NET Framework knows one text for all of them.</summary>
internal sealed class ProcessStartInfo(string program, params string[] words)
{
    internal bool RedirectStandardInput { get; init; }

    internal bool RedirectStandardOutput { get; init; }

    internal bool RedirectStandardError { get; init; }

    public static implicit operator System.Diagnostics.ProcessStartInfo(ProcessStartInfo start) => start.ToSystem();

    private System.Diagnostics.ProcessStartInfo ToSystem() => new(program, string.Join(" ", words.Select(Quote)))
    {
        UseShellExecute = false,
        RedirectStandardInput = RedirectStandardInput,
        RedirectStandardOutput = RedirectStandardOutput,
        RedirectStandardError = RedirectStandardError,
    };

    private static string Quote(string word) => '"' + word.Replace("\\", "\\\\").Replace("\"", "\\\"").Replace("$", "\\$").Replace("`", "\\`") + '"';
}
