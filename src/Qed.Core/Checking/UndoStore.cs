using System;
using Qed.Storage;

namespace Qed.Checking;

/// <summary>Where the undo journal of one image is kept: the file that <see cref="UndoFile"/> is, or memory in tests.</summary>
internal interface IUndoStore
{
    /// <summary>The name that errors give.</summary>
    string Path { get; }

    /// <summary>What is said where there is none.</summary>
    Remedy WhereItWouldBe { get; }

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

/// <summary>
/// The undo file of an image: beside it, with the same name and ".undo", or where the user wants it. Beside a block device there is
/// none, for what lies among the system's devices lasts no longer than the system runs.
/// </summary>
internal sealed class UndoFile : IUndoStore
{
    private const string Devices = "/dev";

    private readonly HostFile _image;
    private readonly NewFilePrivacy _privacy;
    private readonly string? _path;

    /// <param name="image">The image. Its undo file lies beside the file itself, not beside a link that led to it.</param>
    /// <param name="path">Where the user wants it; null for its usual place.</param>
    /// <exception cref="DiskImageException">UnsupportedFeature for a place among the system's devices.</exception>
    internal UndoFile(HostFile image, string? path = null)
    {
        _image = image;
        _path = path is not null ? StorageErrors.FullPath(path)
            : image.IsBlockDevice ? null
            : (image.RealPath ?? image.Path) + ".undo";
        _privacy = image.IsBlockDevice ? NewFilePrivacy.OwnersOnly : NewFilePrivacy.AsOf(image);
        if (path is not null)
            RefuseAmongDevices(_path!);
    }

    public string Path => _path ?? throw NoPlace();

    public Remedy WhereItWouldBe => _path is null ? new(RemedyKind.GiveUndoPath) : Remedy.Advice($"It would be '{_path}'.");

    public bool Exists => _path is not null && FileTypes.Of(_path) != FileType.None;

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

    private static void RefuseAmongDevices(string path)
    {
        if (!HostPlatform.IsLinux || System.IO.Path.GetDirectoryName(path) is not { } folder)
            return;
        string real = RealPaths.Of(folder) ?? folder;
        if (real == Devices || real.StartsWith(Devices + "/", StringComparison.Ordinal))
            throw new DiskImageException(ErrorKind.UnsupportedFeature, "an undo file is not kept among the system's devices, where it lasts no longer than the system runs", path);
    }

    private DiskImageException NoPlace()
        => new(ErrorKind.UnsupportedFeature, "a repair keeps what stood there before in an undo file, and beside a block device there is no place for one", _image.Path)
        {
            Remedy = new(RemedyKind.GiveUndoPath),
        };
}
