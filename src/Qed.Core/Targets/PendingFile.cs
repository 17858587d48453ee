using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using Microsoft.Extensions.Logging;
using Qed.Storage;
using Qed.Storage.Windows;

namespace Qed.Targets;

/// <summary>
/// A file under construction. Where the host can, it has no name and is gone with the process; elsewhere it lives under a
/// temporary name beside its target. It takes the target's name only when it is whole and on stable storage. Left
/// uncommitted, it is removed and the target is as it was.
/// </summary>
/// <remarks>
/// An image of several files has companions. They take names that nothing else has, then the image's own file takes its
/// name, which is the one step from the old image to the new one, and only then the companions of the old one go.
/// </remarks>
internal sealed class PendingFile : Destination
{
    // Creating is tried again where whoever clears up took a new file for one that was left over.
    private const int MostAttempts = 10;

    private readonly HostFile _storage;
    private readonly bool _overwrite;
    private readonly FileIdentity? _old;
    private readonly ILogger _logger;
    private readonly IReadOnlyList<string> _replaced;
    private readonly List<PendingFile> _companions = [];
    private readonly WindowsRename? _rename;
    private bool _isFinished;
    private bool _hasName;
    private bool _isKept;
    private bool _done;

    private PendingFile(HostFile storage, bool overwrite, FileIdentity? old, IReadOnlyList<string> replaced, ILogger logger, WindowsRename? rename)
    {
        _old = old;
        _rename = rename;
        _storage = storage;
        _overwrite = overwrite;
        _replaced = replaced;
        _logger = logger;
    }

    /// <inheritdoc/>
    public override string Target => _storage.Path;

    /// <inheritdoc/>
    public override BlockStorage Storage => _storage;

    /// <inheritdoc/>
    internal override IReadOnlyDictionary<string, string> PathsUnderConstruction
        => _companions.Append(this).ToDictionary(file => file.Target, file => file._storage.Place);

    /// <summary>Starts a file in the folder of its target.</summary>
    /// <param name="target">The final path.</param>
    /// <param name="overwrite">Whether an existing file is replaced at the end; it must not be in use. The new one is whose that was, and as private.</param>
    /// <param name="replaced">Further files that go with the existing one, as extents that only its descriptor names.</param>
    /// <param name="logger">Told what of the existing file could not be kept, and of files left over by earlier runs.</param>
    /// <param name="rename">How it gets its name where that is done as Windows does it; null for this system's way.</param>
    /// <exception cref="DiskImageException">ImageExists, ImageInUse, ImageNotFound for the folder, AccessDenied.</exception>
    internal static PendingFile Create(string target, bool overwrite, IReadOnlyList<string> replaced, ILogger logger, WindowsRename? rename = null)
    {
        rename ??= HostPlatform.IsWindows ? WindowsRename.Usual : null;
        FileIdentity? old = null;
        KeptAttributes? attributes = FileTypes.Of(target) == FileType.Regular ? AttributesOfUnused(target, out old) : null;
        foreach (string file in replaced)
            AttributesOfUnused(file, out _);
        HostFile storage = Create(target, attributes, mayBeUnnamed: rename is null, logger);
        try
        {
            storage.BypassCache();
            if (attributes is not null)
                TakeOver(storage, attributes, logger);
        }
        catch
        {
            Discard(storage);
            throw;
        }

        return new PendingFile(storage, overwrite, old, replaced, logger, rename);
    }

    /// <inheritdoc/>
    internal override (string Name, BlockStorage Storage) AddCompanion(string name)
    {
        string folder = Path.GetDirectoryName(Target)!;
        // An old image may have a file of that name, and it needs it until the new one is there.
        string path = Path.Combine(folder, name);
        for (int number = 1; _overwrite && HostNames.IsTaken(path); number++)
            path = Path.Combine(folder, $"{Path.GetFileNameWithoutExtension(name)}.{Invariant.Text(number)}{Path.GetExtension(name)}");
        RequireFree(path, overwrite: false);
        PendingFile companion = Create(path, overwrite: false, [], _logger, _rename);
        _companions.Add(companion);
        return (Path.GetFileName(path), companion.Storage);
    }

    /// <inheritdoc/>
    internal override void Finish(ProgressMeter progress, CancellationToken cancellation)
    {
        foreach (PendingFile file in _companions.Append(this))
            file._storage.Flush();
        _isFinished = true;
    }

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
        if (!_isFinished)
            throw new InvalidOperationException("The image is not finished.");
        foreach (PendingFile companion in _companions)
            companion.TakeName();
        if (_companions.Count > 0)
            HostNames.FlushFolderOf(Target);
        try
        {
            TakeName();
        }
        catch (DiskImageException error) when (_rename is not null && error.Kind != ErrorKind.ImageExists)
        {
            throw Kept(error);
        }

        foreach (PendingFile file in _companions.Append(this))
            file._done = true;
        HostNames.FlushFolderOf(Target);
        RemoveReplaced();
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (!disposing)
            return;
        foreach (PendingFile companion in _companions)
            companion.Dispose();
        if (_done || _isKept)
            _storage.Dispose();
        else
            Discard(_storage);
        if (_hasName && !_done && !_isKept)
            HostNames.Abandon(Target);
        _done = true;
    }

    private static HostFile Create(string target, KeptAttributes? attributes, bool mayBeUnnamed, ILogger logger)
    {
        const uint Everybody = 0b110_110_110;
        const uint OwnersOnly = 0b110_000_000;
        if (mayBeUnnamed && HostFile.TryCreateUnnamed(target, attributes is null ? Everybody : OwnersOnly) is { } unnamed)
            return unnamed;
        Leftovers.Clear(target, logger);
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                HostFile file = HostFile.Create(TemporaryName.Beside(target), target, attributes?.Privacy ?? NewFilePrivacy.Usual, mayBypassCache: true);
                if (FileIdentity.Of(file.Place) == file.Identity)
                    return file;
                file.Dispose();
            }
            catch (DiskImageException error) when (error.Kind == ErrorKind.ImageInUse && attempt < MostAttempts)
            {
                // Whoever clears up holds it, and removes it.
            }
        }
    }

    private static void Discard(HostFile file)
    {
        file.Dispose();
        if (!file.IsUnnamed)
            HostNames.Abandon(file.Place);
    }

    /// <summary>Replacing a file under a running virtual machine would silently part it from its disk.</summary>
    /// <exception cref="DiskImageException">ImageInUse, AccessDenied.</exception>
    private static KeptAttributes? AttributesOfUnused(string path, out FileIdentity? identity)
    {
        using HostFile file = HostFile.Open(path, StorageAccess.Write);
        identity = file.Identity;
        return KeptAttributes.Of(file);
    }

    private static void TakeOver(HostFile storage, KeptAttributes attributes, ILogger logger)
    {
        IReadOnlyList<string> lost = attributes.GiveTo(storage);
        if (lost.Count > 0)
            Log.AttributesLost(logger, storage.Path, string.Join(", ", lost));
        if (attributes.Names > 1)
            Log.NamesLost(logger, storage.Path, attributes.Names - 1);
    }

    /// <summary>Only what was there at first may be replaced: what somebody has made since is theirs, and its companions would stay without it.</summary>
    /// <exception cref="DiskImageException">ImageExists.</exception>
    private void TakeName()
    {
        bool overwrite = _overwrite && _old is not null;
        if (overwrite && FileIdentity.Of(Target) is { } there && there != _old)
            throw CreatedMeanwhile(null);
        try
        {
            if (_storage.IsUnnamed)
                FirstName.Give(_storage.Place, Target, overwrite);
            else
                Rename(overwrite);
            _hasName = true;
        }
        catch (IOException error) when (!overwrite && HostNames.IsTaken(Target))
        {
            throw CreatedMeanwhile(error);
        }
        catch (Exception error) when (StorageErrors.IsFromTheSystem(error))
        {
            throw StorageErrors.Translate(error, Target);
        }
    }

    private DiskImageException CreatedMeanwhile(Exception? error)
        => new(ErrorKind.ImageExists, "a file of that name was created meanwhile", Target, error);

    private void Rename(bool overwrite)
    {
        // Windows renames no file that is open.
        _storage.Dispose();
        if (_rename is not null)
            _rename.Run(_storage.Place, Target, overwrite);
        else
            HostNames.Rename(_storage.Place, Target, overwrite);
    }

    /// <summary>What is whole is not thrown away because somebody holds the old file, least of all where that is gone.</summary>
    private DiskImageException Kept(DiskImageException error)
    {
        foreach (PendingFile file in _companions.Append(this))
            file._isKept = true;
        string place = _rename!.Keep(_storage.Place);
        return error.WithRemedy(Remedy.Advice($"The new image is whole and lies at '{place}': give it the name once nothing holds that any more."));
    }

    /// <summary>Nothing names them any more: that they cost space is no reason to call the new image a failure.</summary>
    private void RemoveReplaced()
    {
        foreach (string file in _replaced)
        {
            try
            {
                HostNames.Delete(file);
            }
            catch (DiskImageException error)
            {
                Log.ReplacedNotRemoved(_logger, file, error.Message);
            }
        }
    }
}
