using System;
using Qed.Images;
using Qed.Storage;
using Qed.Units;

namespace Qed.Formats.Raw;

/// <summary>An open raw image: guest and host offsets are the same. Formats that only add something behind the disk derive from it.</summary>
internal class RawImage : DiskImage
{
    private readonly HostFile _storage;

    internal RawImage(HostFile storage)
        : this(storage, storage.Length)
    {
    }

    protected RawImage(HostFile storage, long length)
    {
        _storage = storage;
        Length = length;
    }

    public override string Path => _storage.Path;

    public override string Format => "raw";

    public override long Length { get; }

    /// <summary>A device tells what its guests count in.</summary>
    public override ImageDetails Details => new() { LogicalSectorSize = _storage.LogicalSectorSize };

    internal override BlockStorage ExtentStorage => _storage;

    protected override Extent FindExtent(GuestOffset offset, long maximum)
    {
        StorageExtent run = _storage.NextExtent(offset.Value);
        ExtentKind kind = run.IsHole ? ExtentKind.Zero : ExtentKind.Data;
        return new Extent(offset, Math.Min(run.Length, maximum), kind, new HostOffset(offset.Value));
    }

    protected override int ReadRun(GuestOffset offset, Span<byte> buffer)
    {
        _storage.ReadWhole(offset.Value, buffer);
        return buffer.Length;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _storage.Dispose();
        base.Dispose(disposing);
    }
}
