using System;
using System.Threading;
using Qed.Images;
using Qed.Storage;
using Qed.Units;
using static Qed.Invariant;

namespace Qed.Formats;

/// <summary>
/// An open image whose file holds the guest's bytes as they are, from its first one on; a format may have something behind
/// them, and decides whether they are written in place.
/// </summary>
/// <param name="storage">The image's file.</param>
/// <param name="length">Bytes of the guest's disk.</param>
internal abstract class FlatImage(BlockStorage storage, long length) : WritableDiskImage
{
    private long _length = length;

    public override string Path => Storage.Path;

    public override long Length => Volatile.Read(ref _length);

    public override bool CanWrite => false;

    internal override BlockStorage ExtentStorage => Storage;

    /// <summary>The image's file.</summary>
    protected BlockStorage Storage { get; } = storage;

    internal override void RequireLegalSize(long size)
    {
        if (Storage.HasFixedLength && size > Storage.Length)
            throw new DiskImageException(ErrorKind.NotEnoughSpace, $"the block device has {Text(Storage.Length)} bytes, and the disk needs {Text(size)}", Path);
    }

    internal override void SetSize(long size, CancellationToken cancellation = default)
    {
        RequireWritable(default, 0);
        RequireLegalSize(size);
        Storage.SetLength(size);
        Volatile.Write(ref _length, size);
    }

    internal override void Write(GuestOffset offset, ReadOnlySpan<byte> buffer)
    {
        RequireWritable(offset, buffer.Length);
        Storage.Write(offset.Value, buffer);
    }

    internal override void WriteZeroes(GuestOffset offset, long length)
    {
        RequireWritable(offset, length);
        Storage.WriteZeroes(offset.Value, length);
    }

    // A device may do it by writing.
    internal override bool TryWriteZeroesQuickly(GuestOffset offset, long length)
    {
        RequireWritable(offset, length);
        return !Storage.HasFixedLength && Storage.TryPunch(offset.Value, length);
    }

    public override void Flush()
    {
        RequireWritable(default, 0);
        Storage.Flush();
    }

    private protected override Extent FindExtent(GuestOffset offset, long maximum)
    {
        StorageExtent run = Storage.NextExtent(offset.Value);
        ExtentKind kind = run.IsHole ? ExtentKind.Zero : ExtentKind.Data;
        return new Extent(offset, Math.Min(run.Length, maximum), kind, new HostOffset(offset.Value));
    }

    // Holes of the host need no looking for.
    private protected override int ReadRun(GuestOffset offset, Span<byte> buffer)
    {
        Storage.ReadWhole(offset.Value, buffer);
        return buffer.Length;
    }

    // Where the data around it ends takes a file system in memory long to tell.
    private protected override bool IsHole(GuestOffset offset, long length) => Storage.IsHole(offset.Value, length);

    // Holes need no looking for here either.
    internal override bool TryReadAhead(GuestOffset offset, long length) => Storage.TryReadAhead(offset.Value, length);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            Storage.Dispose();
        base.Dispose(disposing);
    }

    private void RequireWritable(GuestOffset offset, long length)
    {
        RequireInside(offset, length);
        if (!CanWrite)
            throw new InvalidOperationException("The image was opened for reading.");
    }
}
