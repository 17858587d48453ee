using System;
using System.IO;
using System.Linq;
using System.Text;
using Qed.Storage;

namespace Qed.Targets;

/// <summary>Names a file under construction: after its target, so that whoever finds one left over knows what it was to be.</summary>
internal static class TemporaryName
{
    /// <summary>What all names of files under construction are among.</summary>
    internal const string Pattern = "*" + Suffix;

    // No file system allows less, and shorter names stay whole with their ending behind them.
    private const int AlwaysAllowed = 120;
    private const int TagLength = 8;
    private const string Suffix = ".partial";

    /// <summary>A path beside the target that nobody else has.</summary>
    internal static string Beside(string target) => Beside(target, Guid.NewGuid().ToString("N").Substring(0, TagLength));

    /// <summary>The path beside the target at which a whole file waits to take the target's place: always the same, so that one left over is found.</summary>
    internal static string Waiting(string target) => Beside(target, new string('0', TagLength));

    /// <summary>Whether a path is one of <see cref="Beside(string)"/> for a target.</summary>
    internal static bool IsFor(string target, string path)
    {
        string name = Path.GetFileName(path);
        if (name.Length < TagLength + Suffix.Length)
            return false;
        string tag = name.Substring(name.Length - Suffix.Length - TagLength, TagLength);
        return tag.All(letter => letter is (>= '0' and <= '9') or (>= 'a' and <= 'f')) && name == Path.GetFileName(Beside(target, tag));
    }

    private static string Beside(string target, string tag)
    {
        string ending = $".{tag}{Suffix}";
        string name = Path.GetFileName(target);
        // File systems differ in how long a name may be. One just as long as the target's can be created wherever the
        // target can, and nowhere else, which is better found out now than once all is written.
        int most = Math.Max(AlwaysAllowed, LengthOf(name)) - ending.Length;
        return Path.Combine(Path.GetDirectoryName(target)!, (LengthOf(name) > most ? Cut(name, most) : name) + ending);
    }

    /// <summary>The first whole characters of a name, as many as fit, and what is missing then.</summary>
    private static string Cut(string name, int length)
    {
        while (LengthOf(name) > length)
        {
            bool isPair = name.Length > 1 && char.IsSurrogatePair(name, name.Length - 2);
            name = name.Substring(0, name.Length - (isPair ? 2 : 1));
        }

        return name + new string('_', length - LengthOf(name));
    }

    /// <summary>What the host counts a name in: Windows in UTF-16 units, others in bytes of UTF-8.</summary>
    private static int LengthOf(string name) => HostPlatform.IsWindows ? name.Length : Encoding.UTF8.GetByteCount(name);
}
