using System.IO;
using Qed.Storage;

namespace Qed.Checking;

/// <summary>Where the undo journal of one image is kept: the file beside it that <see cref="UndoFile"/> is, or memory in tests.</summary>
internal interface IUndoStore
{
    /// <summary>The name that errors give.</summary>
    string Path { get; }

    /// <summary>Whether there is one.</summary>
    bool Exists { get; }

    /// <summary>Opens the one that exists, for reading and writing.</summary>
    BlockStorage Open();

    /// <summary>Creates an empty one, whose name is on stable storage on return.</summary>
    BlockStorage Create();

    /// <summary>Removes it durably, if it is there.</summary>
    void Remove();
}

/// <summary>The undo file of an image: beside it, with the same name and ".undo".</summary>
internal sealed class UndoFile(string imagePath) : IUndoStore
{
    public string Path { get; } = System.IO.Path.GetFullPath(imagePath) + ".undo";

    public bool Exists => File.Exists(Path);

    public BlockStorage Open() => HostFile.Open(Path, StorageAccess.Write);

    public BlockStorage Create()
    {
        HostFile file = HostFile.Create(Path);
        try
        {
            // It holds what the guest wrote, and the image may be nobody else's to read.
            file.MakePrivate();
            HostNames.FlushFolderOf(Path);
            return file;
        }
        catch
        {
            file.Dispose();
            HostNames.Abandon(Path);
            throw;
        }
    }

    public void Remove() => HostNames.Delete(Path);
}
