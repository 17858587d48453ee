using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using Qed.Tests.Support;

namespace Qed.Tests.Tool;

/// <summary>
/// What a command was seen to do to the files of one folder, done again in memory, so that crashes can be made of it: of the files'
/// bytes and lengths, and of their names, each of which is there once its folder was flushed.
/// </summary>
internal sealed partial class FolderTrace
{
    /// <summary>The system calls that matter.</summary>
    internal const string Calls = "openat,write,pwrite64,pwritev,ftruncate,fallocate,fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat";

    // A name is a number in a sector of its folder's: which file has it, 0 for none.
    private const int Slot = 16;

    private readonly string _folder;
    private readonly List<MemoryStorage> _storages = [new MemoryStorage(new byte[512])];
    private readonly Dictionary<string, int> _slots = [];
    private readonly Dictionary<string, int> _fileOf = [];
    private readonly Dictionary<string, int> _fileAt = [];

    /// <param name="folder">The folder, as it was before the command ran.</param>
    /// <param name="run">Runs it, and gives its system calls.</param>
    internal FolderTrace(string folder, Func<string[]> run)
    {
        _folder = folder;
        foreach (string path in Directory.GetFiles(folder).Order(StringComparer.Ordinal))
        {
            _fileOf[path] = _storages.Count;
            _storages.Add(new MemoryStorage(File.ReadAllBytes(path)) { HasHoles = true });
        }

        (string Name, string[] Arguments)[] calls = [.. run().Select(Parse).OfType<(string, string[])>()];
        // What changes its name has both side by side, so that one write changes both.
        foreach ((string name, string[] arguments) in calls.Where(call => call.Name.StartsWith("rename", StringComparison.Ordinal)))
            AddSlots(Paths(arguments));
        AddSlots([.. _fileOf.Keys, .. calls.SelectMany(call => Paths(call.Arguments))]);
        foreach ((string path, int file) in _fileOf)
            Names.Write(_slots[path] * Slot, BitConverter.GetBytes((long)file));
        // Files that come later are there from the start, and have no name.
        int known = _storages.Count - 1;
        _storages.AddRange(Enumerable.Range(0, calls.Count(IsCreation)).Select(_ => new MemoryStorage { HasHoles = true }));
        Log = new CrashLog([.. _storages]);
        foreach ((string name, string[] arguments) in calls)
            Do(name, arguments, ref known);
    }

    internal CrashLog Log { get; }

    /// <summary>The names in the folder; the files follow.</summary>
    private MemoryStorage Names => _storages[0];

    /// <summary>The files that have names in a state of the log.</summary>
    internal Dictionary<string, MemoryStorage> FilesIn(MemoryStorage[] state)
    {
        byte[] names = state[0].ToArray();
        return _slots.Where(slot => BitConverter.ToInt64(names, slot.Value * Slot) > 0)
            .ToDictionary(slot => Path.GetFileName(slot.Key), slot => state[BitConverter.ToInt64(names, slot.Value * Slot)]);
    }

    [GeneratedRegex(@"^\d+ +(\w+)\((.*)\) += +(\d+.*)$")]
    private static partial Regex CallPattern();

    [GeneratedRegex(@"\\x([0-9a-f]{2})")]
    private static partial Regex HexPattern();

    /// <summary>The name and the arguments of a call that has succeeded, and what it returned as the last one.</summary>
    private static (string Name, string[] Arguments)? Parse(string line)
        => CallPattern().Match(line) is { Success: true } match ? (match.Groups[1].Value, [.. match.Groups[2].Value.Split(", "), match.Groups[3].Value]) : null;

    private static byte[] Bytes(string text) => Convert.FromHexString(text.Trim('"').Replace("\\x", string.Empty, StringComparison.Ordinal));

    private static string Text(string hex) => HexPattern().Replace(hex, match => ((char)Convert.ToByte(match.Groups[1].Value, 16)).ToString());

    private static long Number(string text) => long.Parse(text.Split(' ')[0], CultureInfo.InvariantCulture);

    private static bool IsCreation((string Name, string[] Arguments) call)
        => call.Name == "openat" && (call.Arguments[2].Contains("O_CREAT", StringComparison.Ordinal) || call.Arguments[2].Contains("O_TMPFILE", StringComparison.Ordinal));

    /// <summary>The paths in the folder that a call names.</summary>
    private string[] Paths(string[] arguments)
        => [.. arguments.Where(argument => argument.StartsWith('"') && argument.Length < 4000).Select(argument => Text(argument.Trim('"'))).Where(path => Path.GetDirectoryName(path) == _folder)];

    private void AddSlots(IEnumerable<string> paths)
    {
        foreach (string path in paths)
            _slots.TryAdd(path, _slots.Count);
    }

    private void Do(string name, string[] arguments, ref int known)
    {
        switch (name)
        {
            case "openat":
                Open(arguments, ref known);
                break;
            case "write" or "pwritev" when FileOf(arguments[0]) is not null:
                throw new InvalidDataException("a file was written in a way that is not read here: " + name);
            case "pwrite64":
                FileOf(arguments[0])?.Write(Number(arguments[3]), Bytes(arguments[1]).AsSpan(0, (int)Number(arguments[4])));
                break;
            case "ftruncate":
                FileOf(arguments[0])?.SetLength(Number(arguments[1]));
                break;
            case "fallocate":
                Allocate(FileOf(arguments[0]), arguments[1], Number(arguments[2]), Number(arguments[3]));
                break;
            case "fsync" or "fdatasync":
                (PathOf(arguments[0]) == _folder ? Names : FileOf(arguments[0]))?.Flush();
                break;
            case "link" or "linkat":
                Name(Paths(arguments)[^1], FileAt(Text(arguments[1].Trim('"'))));
                break;
            case "rename" or "renameat" or "renameat2" when Paths(arguments) is [var from, var to]:
                Rename(from, to);
                break;
            case "unlink" or "unlinkat" when Paths(arguments) is [var path] && _fileOf.Remove(path):
                Name(path, 0);
                break;
        }
    }

    private void Open(string[] arguments, ref int known)
    {
        string path = PathOf(arguments[^1]);
        bool isUnnamed = arguments[2].Contains("O_TMPFILE", StringComparison.Ordinal);
        if ((isUnnamed || arguments[2].Contains("O_CREAT", StringComparison.Ordinal)) && Path.GetDirectoryName(path) == _folder && !_fileOf.ContainsKey(path))
        {
            _fileOf[path] = ++known;
            if (!isUnnamed)
                Name(path, known);
        }
    }

    private static void Allocate(MemoryStorage? file, string mode, long offset, long length)
    {
        if (file is null)
            return;
        if (mode.Contains("PUNCH_HOLE", StringComparison.Ordinal))
            file.TryPunch(offset, length);
        else if (mode == "0" && offset + length > file.Length)
            file.SetLength(offset + length);
    }

    private void Rename(string from, string to)
    {
        byte[] both = new byte[2 * Slot];
        BitConverter.GetBytes((long)_fileOf[from]).CopyTo(both, Slot);
        _fileOf.Remove(from, out int file);
        _fileOf[to] = file;
        if (_slots[to] != _slots[from] + 1)
            throw new InvalidDataException("two names that change as one do not lie side by side");
        Names.Write(_slots[from] * Slot, both);
    }

    private void Name(string path, int file)
    {
        if (file > 0)
            _fileOf[path] = file;
        Names.Write(_slots[path] * Slot, BitConverter.GetBytes((long)file));
    }

    /// <summary>The file that a path of the system's own leads to, as /proc/self/fd/7 does.</summary>
    private int FileAt(string place) => _fileAt[Path.GetFileName(place)];

    private MemoryStorage? FileOf(string descriptor)
    {
        if (!_fileOf.TryGetValue(PathOf(descriptor), out int file))
            return null;
        _fileAt[descriptor[..descriptor.IndexOf('<', StringComparison.Ordinal)]] = file;
        return _storages[file];
    }

    private static string PathOf(string descriptor)
    {
        int start = descriptor.IndexOf('<', StringComparison.Ordinal);
        int end = descriptor.IndexOf('>', StringComparison.Ordinal);
        return start < 0 || end < start ? string.Empty : Text(descriptor[(start + 1)..end]);
    }
}
