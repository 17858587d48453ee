using Qed.Checking;
using Qed.Storage;

namespace Qed.Tests.Support;

/// <summary>Keeps the undo journal of an image in memory.</summary>
internal sealed class MemoryUndoStore(MemoryStorage? journal = null) : IUndoStore
{
    public string Path => "/memory/image.qed.undo";

    public Remedy WhereItWouldBe => Remedy.Advice("It would be in memory.");

    public bool Exists => Journal is not null;

    /// <summary>The journal; null while there is none.</summary>
    internal MemoryStorage? Journal { get; private set; } = journal;

    /// <summary>What <see cref="Create"/> returns; null for an empty one without limits.</summary>
    internal MemoryStorage? Prepared { get; init; }

    public BlockStorage Open() => Journal!;

    public BlockStorage Look() => Journal!;

    public BlockStorage Create()
    {
        Prepared?.SetLength(0);
        return Journal = Prepared ?? new MemoryStorage();
    }

    public void Remove() => Journal = null;
}
