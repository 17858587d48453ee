using Qed.Engine;
using Qed.Storage;

namespace Qed.Operations;

/// <summary>What a QED image rested on before it came to stand alone.</summary>
internal static class FormerBackingFile
{
    /// <summary>Whether an image that rests on nothing had a backing file of a name, as far as its header still tells.</summary>
    /// <exception cref="DiskImageException">The file cannot be read, or is no QED image.</exception>
    internal static bool HadName(string path, string name)
    {
        using HostFile file = HostFile.Open(path, StorageAccess.Peek);
        return BackingNameChange.HadName(file, name);
    }
}
