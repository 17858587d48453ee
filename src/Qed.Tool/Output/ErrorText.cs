using System.IO;

namespace Qed.Tool.Output;

/// <summary>Errors and warnings, each line with the program's name before it, as qemu-img writes them.</summary>
internal static class ErrorText
{
    internal static void Write(TextWriter error, string message)
    {
        foreach (string line in message.Split('\n'))
            error.WriteLine("qed: " + Printable.Text(line));
    }
}
