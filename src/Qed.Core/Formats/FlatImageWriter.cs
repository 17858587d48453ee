using Qed.Storage;
using Qed.Units;

namespace Qed.Formats;

/// <summary>Fills a file with the guest's bytes as they are; what is not written stays a hole. A format may add something behind them.</summary>
internal class FlatImageWriter : MappedImageWriter
{
    private const int SmallestPreallocation = 1 << 16;

    internal FlatImageWriter(BlockStorage target, long size)
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
