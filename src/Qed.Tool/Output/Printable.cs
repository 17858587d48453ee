using System.Linq;

namespace Qed.Tool.Output;

/// <summary>Makes text that comes from an image harmless for a terminal, which obeys control characters.</summary>
internal static class Printable
{
    internal static string Text(string text) => text.Any(char.IsControl) ? string.Concat(text.Select(letter => char.IsControl(letter) ? '\ufffd' : letter)) : text;
}
