using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;

namespace Qed.Storage;

/// <summary>
/// A file under construction: it lives under a temporary name beside its target and takes the target's name only when it
/// is whole and on stable storage. Left uncommitted, it is removed and the target is as it was. An image of several
/// files has companions, which take their names first.
/// </summary>
internal sealed class PendingFile : Destination
{
    private readonly HostFile _storage;
    private readonly bool _overwrite;
    private readonly List<PendingFile> _companions = [];
    private bool _done;

    private PendingFile(HostFile storage, bool overwrite)
    {
        _storage = storage;
        _overwrite = overwrite;
    }

    /// <inheritdoc/>
    public override string Target => _storage.Path;

    /// <inheritdoc/>
    public override BlockStorage Storage => _storage;

    /// <inheritdoc/>
    internal override IReadOnlyDictionary<string, string> PathsUnderConstruction
        => _companions.Append(this).ToDictionary(file => file.Target, file => file._storage.Place);

    /// <summary>Starts a file beside its target.</summary>
    /// <param name="target">The final path.</param>
    /// <param name="overwrite">Whether an existing file is replaced at the end; it must not be in use.</param>
    /// <exception cref="DiskImageException">ImageExists, ImageInUse, ImageNotFound for the folder, AccessDenied.</exception>
    internal static PendingFile Create(string target, bool overwrite)
    {
        if (File.Exists(target))
        {
            // Replacing the name under a running virtual machine would silently part it from its disk.
            using HostFile inUse = HostFile.Open(target, StorageAccess.Write);
        }

        HostFile storage = HostFile.Create(TemporaryName.Beside(target), target);
        storage.BypassCache();
        return new PendingFile(storage, overwrite);
    }

    /// <inheritdoc/>
    internal override BlockStorage AddCompanion(string name)
    {
        string path = Path.Combine(Path.GetDirectoryName(Target)!, name);
        RequireFree(path, _overwrite);
        PendingFile companion = Create(path, _overwrite);
        _companions.Add(companion);
        return companion.Storage;
    }

    /// <inheritdoc/>
    internal override void Finish(ProgressMeter progress, CancellationToken cancellation) => Flush();

    /// <inheritdoc/>
    internal override HostFile OpenWritten()
    {
        foreach (PendingFile file in _companions.Append(this))
            file._storage.DropCache();
        return HostFile.Open(_storage.Place, Target, StorageAccess.Peek);
    }

    /// <inheritdoc/>
    internal override void Commit()
    {
        Flush();
        foreach (PendingFile companion in _companions)
            companion.Commit();
        Storage.Dispose();
        try
        {
            Rename();
        }
        catch (Exception error) when (StorageErrors.IsFromTheSystem(error))
        {
            throw !_overwrite && File.Exists(Target)
                ? new DiskImageException(ErrorKind.ImageExists, "a file of that name was created meanwhile", Target, error)
                : StorageErrors.Translate(error, Target);
        }

        _done = true;
        HostNames.FlushFolderOf(Target);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (!disposing)
            return;
        foreach (PendingFile companion in _companions)
            companion.Dispose();
        Storage.Dispose();
        if (_done)
            return;
        _done = true;
        HostNames.Abandon(_storage.Place);
    }

    private void Flush()
    {
        foreach (PendingFile companion in _companions)
            companion.Flush();
        _storage.Flush();
    }

    private void Rename()
    {
        if (_overwrite && File.Exists(Target))
            File.Replace(_storage.Place, Target, destinationBackupFileName: null);
        else
            File.Move(_storage.Place, Target);
    }
}
