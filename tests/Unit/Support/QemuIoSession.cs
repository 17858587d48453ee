using System;
using System.Diagnostics;
using System.IO;
using System.Text;
using Xunit;

namespace Qed.Tests.Support;

/// <summary>A qemu-io that has an image open until it is told to quit.</summary>
internal sealed class QemuIoSession : IDisposable
{
    private const string Prompt = "qemu-io> ";

    private readonly Process _process;

    internal QemuIoSession(string image, bool readOnly = false)
    {
        string[] arguments = readOnly ? ["-r", "-f", "qed", image] : ["-f", "qed", image];
        _process = Process.Start(new ProcessStartInfo("qemu-io", arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        if (!ReadToPrompt(out string output))
            Assert.Fail(output + _process.StandardError.ReadToEnd());
    }

    /// <summary>Runs one command and gives what it printed.</summary>
    internal string Run(string command)
    {
        _process.StandardInput.WriteLine(command);
        _process.StandardInput.Flush();
        ReadToPrompt(out string output);
        return output;
    }

    public void Dispose()
    {
        try
        {
            _process.StandardInput.WriteLine("quit");
            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It has ended by itself.
        }

        if (!_process.WaitForExit(10_000))
            _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    private bool ReadToPrompt(out string output)
    {
        var text = new StringBuilder();
        while (!EndsWithPrompt(text) && _process.StandardOutput.Read() is var next && next >= 0)
            text.Append((char)next);
        output = text.ToString();
        return EndsWithPrompt(text);
    }

    private static bool EndsWithPrompt(StringBuilder text)
        => text.Length >= Prompt.Length && text.ToString(text.Length - Prompt.Length, Prompt.Length) == Prompt;
}
