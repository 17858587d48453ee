using System;
using System.Threading;
using Qed.Storage;

namespace Qed.Checking;

/// <summary>
/// An image under repair: before anything in it is overwritten or cut off, what stands there is in the undo journal, on
/// stable storage. The journal is started by the first change, so a repair that changes nothing leaves none.
/// </summary>
internal sealed class JournaledStorage(
    BlockStorage image, Func<UndoJournal> startJournal, IProgress<OperationProgress>? progress, CancellationToken cancellation)
    : BlockStorage, IResizable, IHoleMap, IPunchable, IAnnouncedWrites
{
    private readonly object _saving = new();
    private UndoJournal? _journal;

    public override string Path => image.Path;

    public override bool CanWrite => image.CanWrite;

    public override long Length => image.Length;

    internal override bool HasFixedLength => image.HasFixedLength;

    /// <summary>The journal; null while nothing has been changed.</summary>
    internal UndoJournal? Journal => _journal;

    /// <summary>Starts the journal, which marks the image, before anything else is changed.</summary>
    internal void Begin() => _journal ??= startJournal();

    public override int Read(long offset, Span<byte> buffer) => image.Read(offset, buffer);

    public override void Write(long offset, ReadOnlySpan<byte> buffer)
    {
        Save(offset, buffer.Length);
        image.Write(offset, buffer);
    }

    public void SetLength(long length)
    {
        long now = image.Length;
        if (length == now)
            return;
        Save(length, Math.Max(0, now - length));
        image.SetLength(length);
    }

    public override void Flush() => image.Flush();

    public StorageExtent NextExtent(long offset) => image.NextExtent(offset);

    public bool IsHole(long offset, long length) => image.IsHole(offset, length);

    public bool TryPunch(long offset, long length)
    {
        Save(offset, length);
        return image.TryPunch(offset, length);
    }

    /// <summary>Saves a range that will be written soon, so that many are made durable at once.</summary>
    public void Announce(long offset, long length)
    {
        lock (_saving)
        {
            Begin();
            _journal!.Save(image, offset, length, new ProgressMeter(progress, "Saving for an undo", length), cancellation);
        }
    }

    /// <summary>The image is its owner's to close.</summary>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _journal?.Dispose();
    }

    private void Save(long offset, long length)
    {
        // Clusters are copied by several threads at a time.
        lock (_saving)
        {
            Announce(offset, length);
            _journal!.Flush();
        }
    }
}
