using Qed.Storage;
using Qed.Units;

namespace Qed.Formats.Raw;

/// <summary>Fills a raw image; what is not written stays a hole. Formats that only add something behind the disk derive from it.</summary>
internal class RawImageWriter : MappedImageWriter
{
    private const int SmallestPreallocation = 1 << 16;

    internal RawImageWriter(BlockStorage target, long size)
        : base(target) => target.SetLength(size);

    /// <summary>A block of most file systems: a smaller hole would free nothing.</summary>
    public override int Grain => 4096;

    public override void Reserve(GuestOffset offset, long length)
    {
        if (length >= SmallestPreallocation)
            Target.Preallocate(offset.Value, length);
    }

    public override void WriteZeroes(GuestOffset offset, long length)
    {
    }

    public override void Complete() => Target.Flush();

    protected override (long Host, long Count) FindRun(GuestOffset offset, long wanted) => (offset.Value, wanted);
}
