using System;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using System.Threading;

namespace Qed.Tests.Support;

internal static partial class Qemu
{
    static partial void RunFromWine(string program, string[] arguments, ref Result? result)
    {
        if (Wine.IsHere && program.StartsWith("qemu-", StringComparison.Ordinal))
            result = HostProgram.TryRun(program, arguments);
    }
}

/// <summary>
/// Runs a program of Linux from Wine, which starts it, but makes it no process that can be waited for, and gives it no pipe:
/// what it says, and how it ends, goes through files. Paths are told, and those in the temporary folder come back, as each side has them.
/// </summary>
internal static partial class HostProgram
{
    // The last file has its name only when all of them are whole.
    private const string Script = "cd \"$1\" && shift && { \"$@\" >out 2>err </dev/null; echo $? >code; mv code done; }";

    /// <summary>Runs it to its end.</summary>
    /// <returns>Null where it is not installed.</returns>
    internal static Qemu.Result? TryRun(string program, string[] arguments)
    {
        using var folder = new TempFolder();
        Start([UnixPath(folder.Path), program, .. arguments.Select(argument => WindowsPath().Replace(argument, found => UnixPath(found.Value)))]);
        if (!SpinWait.SpinUntil(() => File.Exists(folder["done"]), TimeSpan.FromMinutes(1)))
            throw new TimeoutException($"{program} has not ended.");
        const int NotFound = 127;
        int exitCode = int.Parse(File.ReadAllText(folder["done"]), System.Globalization.CultureInfo.InvariantCulture);
        bool isJson = arguments.Any(argument => argument.EndsWith("json", StringComparison.Ordinal));
        string Said(string file) => ToWindows(File.ReadAllText(folder[file]), isJson);
        return exitCode == NotFound ? null : new Qemu.Result(exitCode, Said("out"), Said("err"));
    }

    private static void Start(string[] words)
    {
        string line = string.Join(' ', ((string[])["sh", "-c", Script, "sh", .. words]).Select(Quote)) + '\0';
        var start = new StartupInfo { Size = Marshal.SizeOf<StartupInfo>() };
        if (!CreateProcess(@"\\?\unix\bin\sh", line.ToCharArray(), 0, 0, false, 0, 0, null, ref start, out _))
            throw new InvalidOperationException("Wine has not started the shell.");
    }

    /// <summary>As Wine takes a command line apart: by the rules of Windows' programs.</summary>
    private static string Quote(string word) => '"' + LastBackslashes().Replace(BackslashesAndQuote().Replace(word, @"$1$1\"""), "$1$1") + '"';

    private static string ToWindows(string text, bool isJson)
    {
        string temporary = Path.GetTempPath().TrimEnd('\\');
        string unix = UnixPath(temporary);
        // JSON doubles what separates folders.
        string separator = isJson ? @"\\" : @"\";
        return Regex.Replace(text, Regex.Escape(unix) + @"[^\n'"",)]*", found => temporary.Replace(@"\", separator, StringComparison.Ordinal) + found.Value[unix.Length..].Replace("/", separator, StringComparison.Ordinal));
    }

    /// <summary>A path as Linux has it; what is none stays.</summary>
    private static string UnixPath(string path) => UnixName(path) is var name and not 0 ? Marshal.PtrToStringUTF8(name)! : path;

    [GeneratedRegex(@"[A-Z]:\\[^,""]*")]
    private static partial Regex WindowsPath();

    [GeneratedRegex(@"(\\*)""")]
    private static partial Regex BackslashesAndQuote();

    [GeneratedRegex(@"(\\+)$")]
    private static partial Regex LastBackslashes();

    [DllImport("kernel32", EntryPoint = "wine_get_unix_file_name", CallingConvention = CallingConvention.Cdecl, CharSet = CharSet.Unicode)]
    private static extern nint UnixName(string path);

    [DllImport("kernel32", EntryPoint = "CreateProcessW", CharSet = CharSet.Unicode, SetLastError = true)]
    private static extern bool CreateProcess(string program, char[] line, nint processSecurity, nint threadSecurity, bool inherit, uint flags, nint environment, string? folder, ref StartupInfo start, out ProcessInformation process);

    [StructLayout(LayoutKind.Sequential)]
    private struct StartupInfo
    {
        internal int Size;
        private readonly nint _reserved, _desktop, _title;
        private readonly int _x, _y, _width, _height, _columns, _rows, _fill, _flags;
        private readonly short _show, _reservedLength;
        private readonly nint _reservedBytes, _input, _output, _error;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct ProcessInformation
    {
        private readonly nint _process, _thread;
        private readonly int _processId, _threadId;
    }
}
