using System;
using System.IO;
using System.Text;

namespace Qed.Storage;

/// <summary>Names a file under construction: after its target, so that whoever finds one left over knows what it was to be.</summary>
internal static class TemporaryName
{
    // No file system allows less, and shorter names stay whole with their ending behind them.
    private const int AlwaysAllowed = 120;

    /// <summary>A path beside the target that nobody else has.</summary>
    internal static string Beside(string target)
    {
        string ending = $".{Guid.NewGuid().ToString("N").Substring(0, 8)}.partial";
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
