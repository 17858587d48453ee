using System;
using Qed.Images;
using Qed.Layout;
using Qed.Storage;

namespace Qed.Formats.Raw;

/// <summary>Fills a raw image; what is not written stays a hole.</summary>
internal sealed class RawImageWriter : ImageWriter
{
    private const int SmallestPreallocation = 1 << 16;

    private readonly HostFile _target;

    internal RawImageWriter(HostFile target, long size)
    {
        _target = target;
        target.SetLength(size);
    }

    /// <summary>A block of most file systems: a smaller hole would free nothing.</summary>
    public override int Grain => 4096;

    public override void Reserve(GuestOffset offset, long length)
    {
        if (length >= SmallestPreallocation)
            _target.Preallocate(offset.Value, length);
    }

    public override void Write(GuestOffset offset, ReadOnlySpan<byte> buffer) => _target.Write(offset.Value, buffer);

    public override void WriteZeroes(GuestOffset offset, long length)
    {
    }

    public override void Complete() => _target.Flush();
}
