using System;
using Qed.Layout;
using Qed.Storage;
using Qed.Units;

namespace Qed.Tables;

/// <summary>Reads entries of tables one by one, whoever points at them and whether or not they are any.</summary>
internal sealed class TableReader(BlockStorage storage, QedHeader header)
{
    /// <summary>The value of an L1 entry.</summary>
    internal ulong L1Entry(int index)
    {
        Span<ulong> entry = stackalloc ulong[1];
        Read(OffsetOfL1Entry(index), entry);
        return entry[0];
    }

    /// <summary>Where an L1 entry lies.</summary>
    internal HostOffset OffsetOfL1Entry(int index) => header.L1TableOffset + ((long)index * TableEntry.Size);

    /// <summary>Goes through the entries of an L2 table until one is refused; those beyond the end of the file are zero.</summary>
    /// <returns>Whether all were accepted.</returns>
    internal bool ForEach(HostOffset table, Func<int, ulong, bool> isAccepted)
    {
        int count = header.Geometry.EntriesPerTable;
        var entries = new ulong[Math.Min(count, TableBatch.MaximumBytes / TableEntry.Size)];
        for (int first = 0; first < count; first += entries.Length)
        {
            Read(table + ((long)first * TableEntry.Size), entries);
            for (int i = 0; i < entries.Length; i++)
            {
                if (!isAccepted(first + i, entries[i]))
                    return false;
            }
        }

        return true;
    }

    /// <summary>Counts the data entries of an L2 table by what they look like.</summary>
    internal (int Sound, int Bad) Count(HostOffset table, Func<ulong, bool> isSound)
    {
        int sound = 0;
        int bad = 0;
        ForEach(table, (_, entry) =>
        {
            if (TableEntry.IsOffset(entry))
                (sound, bad) = isSound(entry) ? (sound + 1, bad) : (sound, bad + 1);
            return true;
        });
        return (sound, bad);
    }

    internal void Read(HostOffset offset, Span<ulong> entries)
    {
        storage.ReadOrZero(offset.Value, TableCodec.Bytes(entries));
        TableCodec.Convert(entries);
    }
}
