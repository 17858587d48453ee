using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Linq;
using Qed.Storage;

namespace Qed.Formats.Qcow2;

/// <summary>An internal snapshot: an L1 table of its own over clusters that it shares with the disk.</summary>
/// <param name="Id">Its unique id, a number as a rule.</param>
/// <param name="Name">The name that the user gave it; may be empty.</param>
/// <param name="L1Offset">Where its L1 table lies, as stored.</param>
/// <param name="L1Entries">Entries of its L1 table, as stored.</param>
/// <param name="DiskSize">Bytes of the disk at that time; null where the entry does not say.</param>
/// <param name="Position">Where the entry stands in the file.</param>
internal sealed record Snapshot(string Id, string Name, ulong L1Offset, uint L1Entries, ulong? DiskSize, long Position);

/// <summary>Reads the directory of internal snapshots.</summary>
internal static class SnapshotTable
{
    internal const int MaximumCount = 65536;

    private const int FixedBytes = 40;
    private const int MaximumExtraBytes = 1024;
    private const int DiskSizeOffset = 8;
    private const int Alignment = 8;
    // QEMU's bound allows 64 MiB. Nothing near that is made of names.
    private const long MaximumBytes = 16 << 20;

    /// <summary>Reads all entries.</summary>
    /// <exception cref="DiskImageException">ImageCorrupt where an entry is too large, or the table is cut off.</exception>
    internal static IReadOnlyList<Snapshot> Read(BlockStorage storage, Qcow2Header header)
    {
        var snapshots = new List<Snapshot>();
        long offset = header.SnapshotsOffset;
        for (int i = 0; i < header.SnapshotCount; i++)
        {
            snapshots.Add(ReadEntry(storage, offset, out int length));
            offset += length;
            if (offset - header.SnapshotsOffset > MaximumBytes)
                throw Corrupt(storage, "the snapshot table is larger than 16 MiB", header.SnapshotsOffset, (ulong)header.SnapshotCount);
        }

        return snapshots;
    }

    /// <summary>The snapshot of an id, or else of a name.</summary>
    /// <exception cref="DiskImageException">UnsupportedFeature, naming those that exist.</exception>
    internal static Snapshot Find(IReadOnlyList<Snapshot> snapshots, string idOrName, string path)
        => snapshots.FirstOrDefault(snapshot => snapshot.Id == idOrName)
            ?? snapshots.FirstOrDefault(snapshot => snapshot.Name == idOrName)
            ?? throw new DiskImageException(ErrorKind.UnsupportedFeature, $"the image has no internal snapshot '{idOrName}'", path)
            {
                Remedy = Remedy.Advice(snapshots.Count == 0 ? "It has none at all." : "It has: " + string.Join(", ", snapshots.Take(20).Select(LabelOf)) + "."),
            };

    /// <summary>What to call a snapshot: its name, or its id where it has none.</summary>
    internal static string LabelOf(Snapshot snapshot) => snapshot.Name.Length > 0 ? snapshot.Name : snapshot.Id;

    private static Snapshot ReadEntry(BlockStorage storage, long offset, out int length)
    {
        Span<byte> head = stackalloc byte[FixedBytes];
        RequireWhole(storage, storage.Read(offset, head), FixedBytes, offset);
        int idLength = BinaryPrimitives.ReadUInt16BigEndian(head.Slice(12));
        int nameLength = BinaryPrimitives.ReadUInt16BigEndian(head.Slice(14));
        uint extraLength = BinaryPrimitives.ReadUInt32BigEndian(head.Slice(36));
        if (extraLength > MaximumExtraBytes)
            throw Corrupt(storage, "a snapshot has more than 1024 bytes of extra data", offset, extraLength);
        byte[] rest = new byte[(int)extraLength + idLength + nameLength];
        RequireWhole(storage, storage.Read(offset + FixedBytes, rest), rest.Length, offset);
        length = (FixedBytes + rest.Length + Alignment - 1) & -Alignment;
        return new Snapshot(
            StoredText.ReadLoosely(rest.AsSpan((int)extraLength, idLength)),
            StoredText.ReadLoosely(rest.AsSpan((int)extraLength + idLength, nameLength)),
            BinaryPrimitives.ReadUInt64BigEndian(head),
            BinaryPrimitives.ReadUInt32BigEndian(head.Slice(8)),
            extraLength >= DiskSizeOffset + sizeof(ulong) ? BinaryPrimitives.ReadUInt64BigEndian(rest.AsSpan(DiskSizeOffset)) : null,
            offset);
    }

    private static void RequireWhole(BlockStorage storage, int read, int wanted, long offset)
    {
        if (read < wanted)
            throw Corrupt(storage, "the snapshot table is cut off by the end of the file", offset, (ulong)read);
    }

    private static DiskImageException Corrupt(BlockStorage storage, string rule, long offset, ulong value)
        => new(ErrorKind.ImageCorrupt, rule, storage.Path) { Structure = "snapshot table", Offset = offset, Value = value };
}
