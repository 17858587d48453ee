using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;

namespace Qed;

/// <summary>
/// Windows' rules for paths, from the text alone: nothing is asked of the system, which would contact a server for some
/// of them, and .NET Framework throws at others. A path in full is one of a drive, a network share, a volume or a shadow copy.
/// </summary>
internal static class WindowsPath
{
    private const string Verbatim = @"\\?\";
    private const string Device = @"\\.\";
    private const string Kernel = @"\??\";
    private const string NetworkMark = @"UNC\";

    private const string NotValid = "is not a valid path on this system";

    private const RegexOptions Usual = RegexOptions.IgnoreCase | RegexOptions.CultureInvariant;

    private static readonly Regex DiskName = new(@"\A(PhysicalDrive[0-9]{1,4}|CdRom[0-9]{1,4}|HarddiskVolume[0-9]{1,6}|[a-z]:|Volume\{[0-9a-f-]{36}\}\\?)\z", Usual);
    private static readonly Regex VolumeRoot = new(@"\AVolume\{[0-9a-f-]{36}\}\\", Usual);
    private static readonly Regex ShadowCopyName = new(@"\AGLOBALROOT\\Device\\HarddiskVolumeShadowCopy[0-9]{1,9}\z", Usual);
    private static readonly Regex ShadowCopyRoot = new(@"\AGLOBALROOT\\Device\\HarddiskVolumeShadowCopy[0-9]{1,9}\\", Usual);

    // Older systems take them for devices in every folder and with every ending. Superscript digits count as digits.
    private static readonly Regex Reserved = new(@"\A(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)[0-9¹²³]) *([.:]|\z)", Usual);

    /// <summary>What a path leads to.</summary>
    internal static WindowsPathForm FormOf(string path)
    {
        string text = path.Replace('/', '\\');
        if (text.StartsWith(Kernel, StringComparison.Ordinal))
            return WindowsPathForm.Device;
        if (text.StartsWith(Verbatim, StringComparison.Ordinal))
            return FormOfVerbatim(text.Substring(Verbatim.Length));
        if (text.StartsWith(Device, StringComparison.Ordinal))
        {
            string name = text.Substring(Device.Length);
            return DiskName.IsMatch(name) ? WindowsPathForm.Disk
                : name.StartsWith(@"pipe\", StringComparison.OrdinalIgnoreCase) ? WindowsPathForm.Pipe
                : WindowsPathForm.Device;
        }

        if (text.StartsWith(@"\\", StringComparison.Ordinal))
            return WindowsPathForm.Network;
        if (IsDrive(text))
            return text.Length > 2 && text[2] == '\\' ? WindowsPathForm.Drive : WindowsPathForm.OfDrive;
        return text.Length > 0 && text[0] == '\\' ? WindowsPathForm.Rooted : WindowsPathForm.Relative;
    }

    /// <summary>Whether a path lies where only an administrator's, or nobody's, files are: on a device, and not in a folder.</summary>
    internal static bool IsDevice(string path) => FormOf(path) is WindowsPathForm.Disk or WindowsPathForm.Pipe or WindowsPathForm.Device;

    /// <summary>Whether a path is that of a whole disk, with all that is on it.</summary>
    internal static bool IsWholeDisk(string path) => FormOf(path) == WindowsPathForm.Disk && LastName(path).StartsWith("PhysicalDrive", StringComparison.OrdinalIgnoreCase);

    /// <summary>The computer that a network path leads to; null for a path of this one.</summary>
    internal static string? ServerOf(string path)
        => FormOf(path) == WindowsPathForm.Network ? WithoutPrefix(path).Split(['\\'], StringSplitOptions.RemoveEmptyEntries).FirstOrDefault() ?? string.Empty : null;

    /// <summary>The full path, without blanks and dots that Windows drops and without a prefix that a drive or a share does not need.</summary>
    /// <param name="path">A path of any form.</param>
    /// <param name="folder">The full path of the folder that it is meant from; null where it must be one in full.</param>
    /// <param name="fault">What is wrong with it, to follow "the name" or "the path".</param>
    /// <returns>Null where no file of a folder has such a path.</returns>
    internal static string? TryResolve(string path, string? folder, out string? fault)
    {
        fault = FormOf(path) switch
        {
            WindowsPathForm.Disk or WindowsPathForm.Device or WindowsPathForm.Pipe => "stands for a device of the system",
            WindowsPathForm.OfDrive => "is meant from the current folder of a drive",
            WindowsPathForm.Relative or WindowsPathForm.Rooted when folder is null || RootOf(WithoutPrefix(folder)) is null => "is not a full path",
            _ => null,
        };
        if (fault is not null)
            return null;
        string text = FormOf(path) switch
        {
            WindowsPathForm.Relative => $@"{WithoutPrefix(folder!)}\{path.Replace('/', '\\')}",
            WindowsPathForm.Rooted => RootOf(WithoutPrefix(folder!)) + path.Replace('/', '\\'),
            _ => WithoutPrefix(path),
        };
        if (RootOf(text) is not { } root)
        {
            fault = "is not a full path";
            return null;
        }

        List<string> names = Names(text.Substring(root.Length));
        fault = names.Select(FaultOf).FirstOrDefault(found => found is not null) ?? (FormOf(text) == WindowsPathForm.Network && root.Any(IsForbidden) ? NotValid : null);
        return fault is null ? root + string.Join(@"\", names) : null;
    }

    /// <summary>Whether the last name of a path is one that Windows, or an older one, takes for a device in every folder.</summary>
    internal static bool EndsInDevice(string path) => Reserved.IsMatch(LastName(path));

    /// <summary>The last name of a path.</summary>
    internal static string LastName(string path) => path.Substring(path.LastIndexOfAny(['/', '\\']) + 1);

    /// <summary>Whether the last name of a path is that of a stream of a file, <c>file:stream</c>.</summary>
    internal static bool IsStream(string path)
        => FormOf(path) is var form && !IsDevice(path)
            && path.IndexOf(':', form is WindowsPathForm.Drive or WindowsPathForm.OfDrive ? path.IndexOf(':') + 1 : 0) is var colon && colon > path.LastIndexOfAny(['/', '\\']);

    /// <summary>A full path as the system takes it however long it is.</summary>
    internal static string Extended(string path) => FormOf(path) switch
    {
        WindowsPathForm.Drive => Verbatim + WithoutPrefix(path),
        WindowsPathForm.Network => $"{Verbatim}{NetworkMark}{WithoutPrefix(path).Substring(2)}",
        _ => path,
    };

    /// <summary>A path with backslashes, and with a prefix only where it means something.</summary>
    internal static string WithoutPrefix(string path)
    {
        string text = path.Replace('/', '\\');
        if (!text.StartsWith(Verbatim, StringComparison.Ordinal))
            return text;
        string rest = text.Substring(Verbatim.Length);
        return rest.StartsWith(NetworkMark, StringComparison.OrdinalIgnoreCase) ? $@"\\{rest.Substring(NetworkMark.Length)}"
            : IsDrive(rest) && rest.Length > 2 && rest[2] == '\\' ? rest
            : text;
    }

    /// <summary>A path relative to a folder, both in full; null where they have not one root.</summary>
    internal static string? Relative(string path, string folder)
    {
        string target = WithoutPrefix(path);
        string from = WithoutPrefix(folder) + @"\";
        if (RootOf(target) is not { } root || RootOf(from) is not { } other || !string.Equals(root, other, StringComparison.OrdinalIgnoreCase))
            return null;
        return Ascend(Names(from.Substring(root.Length)), Names(target.Substring(root.Length)), StringComparer.OrdinalIgnoreCase);
    }

    /// <summary>The names that lead from one folder to a file, with "..", between slashes.</summary>
    internal static string Ascend(IReadOnlyList<string> folder, IReadOnlyList<string> file, StringComparer names)
    {
        int common = 0;
        while (common < folder.Count && common < file.Count - 1 && names.Equals(folder[common], file[common]))
            common++;
        return string.Join("/", Enumerable.Repeat("..", folder.Count - common).Concat(file.Skip(common)));
    }

    private static bool IsDrive(string text) => text.Length > 1 && text[1] == ':' && text[0] is (>= 'a' and <= 'z') or (>= 'A' and <= 'Z');

    private static WindowsPathForm FormOfVerbatim(string rest)
        => rest.StartsWith(NetworkMark, StringComparison.OrdinalIgnoreCase) ? WindowsPathForm.Network
            : DiskName.IsMatch(rest) || ShadowCopyName.IsMatch(rest) ? WindowsPathForm.Disk
            : IsDrive(rest) && rest.Length > 2 && rest[2] == '\\' ? WindowsPathForm.Drive
            : VolumeRoot.IsMatch(rest) ? WindowsPathForm.Volume
            : ShadowCopyRoot.IsMatch(rest) ? WindowsPathForm.ShadowCopy
            : WindowsPathForm.Device;

    /// <summary>The part of a full path that no ".." leaves, with the backslash at its end; null where there is none.</summary>
    internal static string? RootOf(string full)
    {
        switch (FormOf(full))
        {
            case WindowsPathForm.Drive:
                return full.Substring(0, 3);
            case WindowsPathForm.Volume:
                return Verbatim + VolumeRoot.Match(full.Substring(Verbatim.Length)).Value;
            case WindowsPathForm.ShadowCopy:
                return Verbatim + ShadowCopyRoot.Match(full.Substring(Verbatim.Length)).Value;
            case WindowsPathForm.Network:
                string[] parts = full.Split(['\\'], StringSplitOptions.RemoveEmptyEntries);
                // The share is part of the root: one server's shares are as far apart as two drives.
                string root = parts.Length < 2 ? string.Empty : $@"\\{parts[0]}\{parts[1]}\";
                return root.Length > 0 && full.StartsWith(root, StringComparison.Ordinal) && parts[0] is not ("." or ".." or "?") && parts[1] is not ("." or "..") ? root : null;
            default:
                return null;
        }
    }

    /// <summary>The names of a path below its root, as Windows reads them.</summary>
    private static List<string> Names(string path)
    {
        var names = new List<string>();
        foreach (string part in path.Split(['\\'], StringSplitOptions.RemoveEmptyEntries))
        {
            if (part == "..")
                names.RemoveRange(Math.Max(0, names.Count - 1), Math.Min(1, names.Count));
            else if (part.TrimEnd(' ', '.') is { Length: > 0 } name)
                names.Add(name);
        }

        return names;
    }

    private static string? FaultOf(string name)
        => name.Any(IsForbidden) ? NotValid
            : Reserved.IsMatch(name) ? "stands for a device of the system"
            : name.Any(letter => letter == ':') ? "stands for a stream of another file"
            : null;

    private static bool IsForbidden(char letter) => letter is < ' ' or '<' or '>' or '"' or '|' or '?' or '*';
}
