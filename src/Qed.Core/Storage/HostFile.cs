using System;
using System.IO;
using System.Threading;
using Microsoft.Win32.SafeHandles;
using Qed.Storage.Windows;

namespace Qed.Storage;

/// <summary>A file or block device of the host.</summary>
internal sealed unsafe class HostFile : BlockStorage, IResizable, IHoleMap, IPunchable, IDiscardable, IBlockCloning, ISpaceReserve, ISectored, IDated
{
    private readonly PositionalIo _io;
    private readonly HostExtents _extents;
    // Up to here the file has to last: less than its length at opening only where it was cut through this object.
    private long _lastingLength;
    private readonly object _flushLock = new();
    private DiskImageException? _failedFlush;
    private ImageLock? _lock;
    private readonly WindowsNewFile? _windows;
    private UncachedWriter? _uncached;

    private HostFile(PositionalIo io, string place, string path, StorageAccess access, bool isBlockDevice, bool isNew = false)
    {
        if (access == StorageAccess.Write)
            FileSizeSignal.Handle();
        _io = io;
        _extents = new HostExtents(io.Handle);
        IsBlockDevice = isBlockDevice;
        Place = place;
        Path = path;
        Access = access;
        Identity = FileIdentity.Of(io.Handle, path);
        _windows = isNew && HostPlatform.IsWindows ? new WindowsNewFile(io.Handle) : null;
        // Who looks on while others write has been promised no length.
        _lastingLength = access == StorageAccess.Peek ? 0 : Length;
    }

    /// <inheritdoc/>
    public override string Path { get; }

    private bool MayBypassCache { get; init; }

    /// <summary>
    /// Whether a flush waits for the file's times, too. Of a disk in use nobody needs them on stable storage, and they cost a
    /// transaction of the file system's journal each time.
    /// </summary>
    internal bool FlushesTimes { get; set; } = true;

    /// <summary>Whether the file was created without a name.</summary>
    internal bool IsUnnamed { get; private init; }

    /// <summary>By which path the system finds the file: not <see cref="Path"/> while it has not got that name.</summary>
    internal string Place { get; }

    /// <inheritdoc/>
    public override bool CanWrite => Access == StorageAccess.Write;

    /// <summary>What the file was opened for.</summary>
    public StorageAccess Access { get; }

    /// <summary>Whether this is a block device: it has the length that it has, and what was never written to it is not zero.</summary>
    public bool IsBlockDevice { get; }

    /// <inheritdoc/>
    internal override bool HasFixedLength => IsBlockDevice;

    /// <inheritdoc/>
    DateTime IDated.LastWriteTime => Guard(() => File.GetLastWriteTimeUtc(Place));

    /// <summary>Bytes of a sector of a block device; null for a file, or where the system does not tell.</summary>
    public int? LogicalSectorSize => !IsBlockDevice ? null : HostPlatform.IsLinux ? BlockDevice.LogicalSectorSize(_io.Handle) : _io.SectorSize;

    /// <summary>Whether others are kept out; where the file system has no locks, nobody is.</summary>
    internal bool IsLocked => HostPlatform.IsWindows || _lock is not null;

    /// <summary>The system's handle, which stays the file's.</summary>
    internal SafeFileHandle Handle => _io.Handle;

    /// <summary>Volume and file number, the same under any name of the file.</summary>
    public FileIdentity Identity { get; }

    /// <summary>Whether others were to be kept out, but the file system has no locks for that.</summary>
    internal bool LacksLock { get; private set; }

    /// <summary>
    /// Where the opened file really lies, all links followed; null where a link led here and the system does not tell.
    /// </summary>
    internal string? RealPath => RealPaths.Of(_io.Handle, Path);

    /// <inheritdoc/>
    public override long Length => Guard(_io.GetLength);

    /// <summary>Bytes that the file takes up on the host's disk; null where the system does not tell, as of a block device.</summary>
    public long? AllocatedLength => IsBlockDevice ? null : _extents.AllocatedLength;

    /// <summary>Opens a file or block device that exists. A device that is to be written must be free, and nobody can mount it from then on.</summary>
    /// <param name="path">A path of the host, relative ones to the process's current folder.</param>
    /// <param name="access">What for; decides which other openings are excluded.</param>
    /// <exception cref="DiskImageException">ImageNotFound, AccessDenied, ImageInUse, or ImageNotRecognized for a folder.</exception>
    public static HostFile Open(string path, StorageAccess access)
    {
        path = StorageErrors.FullPath(path);
        return Open(path, path, access);
    }

    /// <summary>Opens a file that is known by another path than the one that it lies at so far.</summary>
    internal static HostFile Open(string place, string path, StorageAccess access)
    {
        bool isBlockDevice = HostOpening.RefuseWhatIsNoFile(place);
        return Guard(path, () => new HostFile(HostOpening.Open(place, access, isBlockDevice), place, path, access, isBlockDevice)).Locked();
    }

    /// <summary>Creates a file that must not exist yet, opened and locked for writing.</summary>
    /// <exception cref="DiskImageException">ImageExists, ImageNotFound for its folder, AccessDenied, NotEnoughSpace.</exception>
    public static HostFile Create(string path)
    {
        path = StorageErrors.FullPath(path);
        return Create(path, path, NewFilePrivacy.Usual);
    }

    /// <summary>As <see cref="Create(string)"/>, for a file that is known by another path, which it is to have later.</summary>
    /// <param name="place">Where it is created.</param>
    /// <param name="path">What errors call it.</param>
    /// <param name="privacy">Who may use it.</param>
    /// <param name="mayBypassCache">Whether <see cref="BypassCache"/> is to come, which on Windows others' openings must allow.</param>
    internal static HostFile Create(string place, string path, NewFilePrivacy privacy, bool mayBypassCache = false)
    {
        if (FileTypes.Of(place) != FileType.None)
            throw new DiskImageException(ErrorKind.ImageExists, "a file of that name exists already", path);
        HostFile file = Guard(path, () => new HostFile(HostOpening.Create(place, privacy, mayBypassCache), place, path, StorageAccess.Write, false, isNew: true) { MayBypassCache = mayBypassCache });
        try
        {
            file.Locked().AllowHoles();
            return file;
        }
        catch
        {
            file.Dispose();
            HostNames.Abandon(place);
            throw;
        }
    }

    /// <summary>Creates a file that has no name yet and leaves nothing should this process end, in the folder that it is to be in.</summary>
    /// <param name="path">The path that it is to have.</param>
    /// <param name="mode">Who may use it.</param>
    /// <returns>Null where the system, or the file system, has no such thing, or would not take that path: creating one with a name tells why.</returns>
    internal static HostFile? TryCreateUnnamed(string path, uint mode)
    {
        if (!HostPlatform.IsLinux || !HostNames.MayExist(path) || LinuxNative.OpenUnnamed(System.IO.Path.GetDirectoryName(path)!, mode) is not { } handle)
            return null;
        string place = RealPaths.Descriptor(handle);
        if (File.Exists(place))
            return new HostFile(new PositionalIo(handle), place, path, StorageAccess.Write, isBlockDevice: false) { IsUnnamed = true }.Locked();
        // Without /proc it could not be given a name later.
        handle.Dispose();
        return null;
    }

    /// <summary>Whether somebody has the file open in a way that excludes reading it; null where the system does not tell.</summary>
    public bool? IsInUse() => HostPlatform.IsWindows && IsBlockDevice ? null : ImageLock.IsWriterPresent(_io.Handle, Place);

    /// <summary>Reads at an offset until the buffer is full or the file ends: behind the length that it had when it was opened.</summary>
    /// <inheritdoc/>
    /// <exception cref="DiskImageException">ImageCorrupt: somebody has made the file shorter since it was opened.</exception>
    public override int Read(long offset, Span<byte> buffer)
    {
        int read;
        try
        {
            read = _io.Read(offset, buffer);
        }
        catch (Exception error) when (StorageErrors.IsFromTheSystem(error))
        {
            throw StorageErrors.Translate(error, Path);
        }

        if (read < buffer.Length && offset + read < Volatile.Read(ref _lastingLength))
            throw StorageErrors.BecameShorter(Path, offset + read);
        return read;
    }

    /// <inheritdoc/>
    public override void Write(long offset, ReadOnlySpan<byte> buffer)
    {
        if (_windows is not null)
            _windows.Growth.Write(WriteNow, offset, buffer);
        else
            WriteNow(offset, buffer);
    }

    private void WriteNow(long offset, ReadOnlySpan<byte> buffer)
    {
        if (_uncached?.TryWrite(offset, buffer) == true)
            return;
        try
        {
            _io.Write(offset, buffer);
        }
        catch (Exception error) when (StorageErrors.IsFromTheSystem(error))
        {
            throw StorageErrors.Translate(error, Path);
        }
    }

    /// <summary>From here on large aligned writes go past the page cache, where the host can; others are as before.</summary>
    internal void BypassCache()
    {
        if (HostPlatform.IsLinux || MayBypassCache)
            _uncached ??= UncachedWriter.TryOpen(Place);
    }

    /// <inheritdoc/>
    public bool TryClone(BlockStorage source, long from, long to, long length)
    {
        if (source is not HostFile file)
            return false;
        if (_windows is not null)
            return _windows.TryClone(file.Handle, from, to, length);
        // Only file systems that share blocks can (XFS, btrfs); others refuse, as they do between two file systems
        // and where one of the numbers is no multiple of their block size.
        var range = new LinuxNative.CloneRange { SourceOffset = from, SourceLength = length, TargetOffset = to };
        return HostPlatform.IsLinux && LinuxNative.Clone(_io.Handle, file._io.Handle, ref range);
    }

    /// <inheritdoc/>
    public void Preallocate(long offset, long length)
    {
        if (HostPlatform.IsLinux)
            _ = LinuxNative.FAllocate(_io.Handle, 0, offset, length);
        else
            _windows?.Growth.Reserve(offset + length);
    }

    /// <inheritdoc/>
    public void MakePlain()
    {
        if (!HostPlatform.IsWindows)
            return;
        try
        {
            WindowsFile.MakePlain(new WindowsHandle(_io.Handle));
        }
        catch (IOException error)
        {
            throw new DiskImageException(ErrorKind.UnsupportedFeature, "the file system keeps the file sparse or compressed, and Windows attaches no such image", Path, error);
        }
    }

    /// <inheritdoc/>
    public void SetLength(long length)
    {
        if (IsBlockDevice)
        {
            this.RequireRoom(length);
            return;
        }

        Volatile.Write(ref _lastingLength, Math.Min(Volatile.Read(ref _lastingLength), length));
        Action change = () => _io.SetLength(length);
        Guard(_windows is null ? change : () => _windows.Growth.Alone(change));
        _extents.NoteHoles();
    }

    /// <inheritdoc/>
    /// <remarks>
    /// Once one has failed every later one does: after a failure Linux takes the pages that it could not write for clean,
    /// and a flush that says nothing of them proves nothing.
    /// </remarks>
    public override void Flush()
    {
        // One at a time: the system reports a failure to one caller alone, and the others must not go on.
        lock (_flushLock)
        {
            if (_failedFlush is not null)
                throw _failedFlush.WithPath(Path);
            try
            {
                _io.Flush(FlushesTimes);
            }
            catch (Exception error) when (StorageErrors.IsFromTheSystem(error))
            {
                throw _failedFlush = StorageErrors.FlushFailed(error, Path);
            }
        }
    }

    /// <summary>Has the system forget what it holds of the file in memory, where it can: whoever reads it then reads the disk.</summary>
    /// <remarks>Only what was flushed is forgotten.</remarks>
    internal void DropCache()
    {
        if (HostPlatform.IsLinux)
            _ = LinuxNative.FAdvise(_io.Handle, 0, 0, LinuxNative.AdviseDontNeed);
    }

    /// <summary>Has the system begin to read a range that is soon read, and returns before it has.</summary>
    /// <returns>False where it cannot.</returns>
    internal bool TryReadAhead(long offset, long length)
        => HostPlatform.IsLinux && LinuxNative.FAdvise(_io.Handle, offset, length, LinuxNative.AdviseWillNeed) == 0;

    /// <inheritdoc/>
    public StorageExtent NextExtent(long offset)
    {
        long length = Length;
        StorageExtent extent = _extents.Next(offset, length);
        if (extent.IsHole)
            RequireLasting();
        return extent;
    }

    /// <inheritdoc/>
    public bool IsHole(long offset, long length)
    {
        if (!HostPlatform.IsLinux)
            return NextExtent(offset).IsHoleUpTo(offset + length);
        bool isHole = _extents.IsHole(offset, length);
        if (isHole)
            RequireLasting();
        return isHole;
    }

    /// <inheritdoc/>
    public bool TryPunch(long offset, long length)
        => _extents.TryPunch(offset, length)
            // A device that cannot free its blocks has, or the kernel writes, zeroes all the same.
            || (IsBlockDevice && _extents.TryZero(offset, length));

    /// <inheritdoc/>
    public bool TryDiscard(long offset, long length) => IsBlockDevice && BlockDevice.TryDiscard(_io.Handle, offset, length);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (!disposing || _io.IsClosed)
            return;
        if (HostPlatform.IsWindows && Access != StorageAccess.Peek)
            OwnFiles.Remove(Identity);
        _uncached?.Dispose();
        _windows?.Dispose();
        _lock?.Dispose();
        _io.Dispose();
    }

    private HostFile Locked()
    {
        try
        {
            if (Access != StorageAccess.Peek)
            {
                _lock = ImageLock.Take(_io.Handle, Path, CanWrite);
                LacksLock = HostPlatform.IsLinux && _lock is null;
                if (HostPlatform.IsWindows)
                    OwnFiles.Add(Identity);
            }

            return this;
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    private void AllowHoles()
    {
        if (HostPlatform.IsWindows)
            WindowsFile.AllowHoles(new WindowsHandle(_io.Handle));
    }

    /// <summary>What somebody has cut off answers like a hole, and was none. Asked once the answer is there, so that none slips through.</summary>
    private void RequireLasting()
    {
        if (Length is var length && length < Volatile.Read(ref _lastingLength))
            throw StorageErrors.BecameShorter(Path, length);
    }

    private T Guard<T>(Func<T> call) => Guard(Path, call);

    private void Guard(Action call) => Guard(Path, () =>
    {
        call();
        return true;
    });

    private static T Guard<T>(string path, Func<T> call)
    {
        try
        {
            return call();
        }
        catch (Exception error) when (StorageErrors.IsFromTheSystem(error))
        {
            throw StorageErrors.Translate(error, path);
        }
    }
}
