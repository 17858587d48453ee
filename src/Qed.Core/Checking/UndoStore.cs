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

    /// <summary>Opens the one that exists to look at it, whoever else uses it.</summary>
    BlockStorage Look();

    /// <summary>Creates an empty one, whose name is on stable storage on return.</summary>
    BlockStorage Create();

    /// <summary>Removes it durably, if it is there.</summary>
    void Remove();
}

/// <summary>The undo file of an image: beside it, with the same name and ".undo".</summary>
internal sealed class UndoFile : IUndoStore
{
    private readonly NewFilePrivacy _privacy;

    /// <param name="image">The image. Its undo file lies beside the file itself, not beside a link that led to it.</param>
    internal UndoFile(HostFile image)
    {
        Path = (image.RealPath ?? image.Path) + ".undo";
        _privacy = NewFilePrivacy.AsOf(image);
    }

    public string Path { get; }

    public bool Exists => FileTypes.Of(Path) != FileType.None;

    public BlockStorage Open() => HostFile.Open(Path, StorageAccess.Write);

    public BlockStorage Look() => HostFile.Open(Path, StorageAccess.Peek);

    public BlockStorage Create()
    {
        // It holds what the guest wrote, and the image may be nobody else's to read.
        HostFile file = HostFile.Create(Path, Path, _privacy);
        try
        {
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

    /// <summary>Removes what the user wants no more.</summary>
    /// <exception cref="DiskImageException">ImageCorrupt for a file of the user's own that has the name.</exception>
    internal void Discard()
    {
        if (!Exists)
            return;
        using (BlockStorage file = Look())
        {
            if (!UndoHeader.IsOwn(file))
                throw new DiskImageException(ErrorKind.ImageCorrupt, "the file has the name of an undo file and is none", Path) { Offset = 0 };
        }

        Remove();
    }
}
