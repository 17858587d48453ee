using System;
using System.IO;
using System.Runtime.InteropServices;
using System.Text;

namespace Qed.Tool;

/// <summary>A console window of Windows, which shows every letter where it is not told to go through its code page.</summary>
internal sealed unsafe partial class WindowsConsole : TextWriter
{
    // The system takes no more at once.
    private const int MostLetters = 1 << 14;
    private const int Output = -11;

    private readonly IntPtr _handle;

    private WindowsConsole(IntPtr handle) => _handle = handle;

    /// <summary>Standard output as the system has it, whatever it goes to (Windows).</summary>
    internal static IntPtr OutputHandle => GetStdHandle(Output);

    /// <inheritdoc/>
    public override Encoding Encoding => Encoding.Unicode;

    /// <summary>The console that output or errors go to.</summary>
    /// <param name="number">1 for output, 2 for errors.</param>
    /// <returns>Null where they go elsewhere, or this is not Windows.</returns>
    internal static WindowsConsole? TryOpen(int number)
    {
        if (!OperatingSystem.IsWindows())
            return null;
        IntPtr handle = GetStdHandle(Output - (number - 1));
        return GetConsoleMode(handle, out _) ? new WindowsConsole(handle) : null;
    }

    /// <inheritdoc/>
    public override void Write(char value) => Write([value]);

    /// <inheritdoc/>
    public override void Write(char[] buffer, int index, int count) => Write(buffer.AsSpan(index, count));

    /// <inheritdoc/>
    public override void Write(string? value) => Write(value.AsSpan());

    /// <inheritdoc/>
    public override void WriteLine(string? value) => Write(value + NewLine);

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<char> buffer)
    {
        while (!buffer.IsEmpty)
        {
            int part = Math.Min(buffer.Length, MostLetters);
            int written;
            fixed (char* text = buffer)
            {
                if (!WriteConsole(_handle, text, part, out written, IntPtr.Zero) || written <= 0)
                    throw new IOException(Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError()));
            }

            buffer = buffer[Math.Min(written, part)..];
        }
    }

    [LibraryImport("kernel32")]
    private static partial IntPtr GetStdHandle(int number);

    [LibraryImport("kernel32")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool GetConsoleMode(IntPtr handle, out uint mode);

    [LibraryImport("kernel32", EntryPoint = "WriteConsoleW", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool WriteConsole(IntPtr handle, char* text, int length, out int written, IntPtr reserved);
}
