using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;

namespace Qed.Storage;

/// <summary>
/// A file under construction: it lives under a temporary name beside its target and takes the target's name only when it
/// is whole and on stable storage. Left uncommitted, it is removed and the target is as it was. An image of several
/// files has companions, which take their names first.
/// </summary>
public sealed class PendingFile : ImageTarget, IDisposable
{
    private readonly HostFile _storage;
    private readonly string _temporary;
    private readonly bool _overwrite;
    private readonly List<PendingFile> _companions = [];
    private bool _done;

    private PendingFile(string target, string temporary, HostFile storage, bool overwrite)
    {
        Target = target;
        _temporary = temporary;
        _storage = storage;
        _overwrite = overwrite;
    }

    /// <inheritdoc/>
    public override string Target { get; }

    /// <inheritdoc/>
    public override BlockStorage Storage => _storage;

    /// <summary>Where the file and its companions lie now, by the full path that each is to have.</summary>
    public IReadOnlyDictionary<string, string> PathsUnderConstruction
        => _companions.Append(this).ToDictionary(file => file.Target, file => file._temporary);

    /// <summary>Starts a file beside its target.</summary>
    /// <param name="target">The final path.</param>
    /// <param name="overwrite">Whether an existing file may be replaced at the end; it must not be in use.</param>
    /// <exception cref="DiskImageException">ImageExists, ImageInUse, ImageNotFound for the folder, AccessDenied.</exception>
    public static PendingFile Begin(string target, bool overwrite)
    {
        target = StorageErrors.FullPath(target);
        if (Directory.Exists(target))
            throw new DiskImageException(ErrorKind.ImageExists, "a folder of that name exists already", target);
        if (File.Exists(target))
        {
            if (!overwrite)
            {
                throw new DiskImageException(ErrorKind.ImageExists, "a file of that name exists already", target)
                {
                    Remedy = new(RemedyKind.AllowOverwriting),
                };
            }

            // Replacing the name under a running virtual machine would silently part it from its disk.
            using HostFile inUse = HostFile.Open(target, StorageAccess.Write);
        }

        string temporary = TemporaryName.Beside(target);
        try
        {
            HostFile storage = HostFile.Create(temporary);
            storage.BypassCache();
            return new PendingFile(target, temporary, storage, overwrite);
        }
        catch (DiskImageException error)
        {
            // The user knows the target's name, not the temporary one.
            throw error.WithPath(target);
        }
    }

    /// <inheritdoc/>
    internal override BlockStorage AddCompanion(string name)
    {
        PendingFile companion = Begin(Path.Combine(Path.GetDirectoryName(Target)!, name), _overwrite);
        _companions.Add(companion);
        return companion.Storage;
    }

    /// <summary>Has the system forget all that was written, once it is durable: whoever reads the files then reads the disk.</summary>
    /// <exception cref="DiskImageException">It could not be made durable.</exception>
    internal void DropCache()
    {
        Flush();
        foreach (PendingFile file in _companions.Append(this))
            file._storage.DropCache();
    }

    /// <summary>Flushes the file and gives it its name; from here on it is the target.</summary>
    /// <exception cref="DiskImageException">ImageExists where another process has created the target meanwhile.</exception>
    public void Commit()
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

    /// <summary>Removes the file unless it was committed.</summary>
    public void Dispose()
    {
        foreach (PendingFile companion in _companions)
            companion.Dispose();
        Storage.Dispose();
        if (_done)
            return;
        _done = true;
        HostNames.Abandon(_temporary);
    }

    private void Flush()
    {
        foreach (PendingFile companion in _companions)
            companion.Flush();
        try
        {
            _storage.Flush();
        }
        catch (DiskImageException error)
        {
            throw error.WithPath(Target);
        }
    }

    private void Rename()
    {
        if (_overwrite && File.Exists(Target))
            File.Replace(_temporary, Target, destinationBackupFileName: null);
        else
            File.Move(_temporary, Target);
    }
}
