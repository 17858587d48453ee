using System;
using System.Globalization;
using System.IO;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Qed.Tool.Output;

/// <summary>
/// JSON laid out as qemu-img does, and as there in ASCII alone: on Windows the next program reads it in whatever code page
/// the console has.
/// </summary>
internal static class Json
{
    private static readonly JsonWriterOptions Layout = new()
    {
        Indented = true,
        IndentSize = 4,
        NewLine = "\n",
        // This goes to scripts, not into web pages.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    internal static void Write(TextWriter output, Action<Utf8JsonWriter> write)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, Layout))
            write(json);
        output.WriteLine(Escape(Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length)));
    }

    /// <summary>Says letters beyond ASCII by their numbers; in JSON they stand within texts only.</summary>
    private static string Escape(string json)
    {
        if (Ascii.IsValid(json))
            return json;
        var escaped = new StringBuilder(json.Length * 2);
        foreach (char letter in json)
        {
            if (letter < 0x80)
                escaped.Append(letter);
            else
                escaped.Append(CultureInfo.InvariantCulture, $"\\u{(int)letter:X4}");
        }

        return escaped.ToString();
    }
}
