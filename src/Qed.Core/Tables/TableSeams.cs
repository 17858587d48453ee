using System.Collections.Generic;
using System.Linq;
using Qed.Units;

namespace Qed.Tables;

/// <summary>
/// Where tables are read in pieces, fragmentation shows between the last data cluster of one piece and the first of the
/// next, which different workers have seen. Not safe for several threads: each worker has its own, merged at the end.
/// </summary>
internal sealed class TableSeams
{
    private readonly List<Piece> _pieces = [];

    /// <summary>Notes a piece of a table.</summary>
    /// <param name="l1Index">The table's L1 entry.</param>
    /// <param name="firstEntry">Index in its table of the piece's first entry.</param>
    /// <param name="first">The piece's first data cluster.</param>
    /// <param name="last">The piece's last data cluster.</param>
    internal void Add(int l1Index, int firstEntry, HostOffset first, HostOffset last)
        => _pieces.Add(new Piece(l1Index, firstEntry, first, last));

    /// <summary>Data clusters at a seam that do not lie right behind the one before them in the same table.</summary>
    internal static long Fragmented(IEnumerable<TableSeams> workers, long clusterSize)
    {
        Piece? previous = null;
        long fragmented = 0;
        foreach (Piece piece in workers.SelectMany(worker => worker._pieces).OrderBy(piece => piece.L1Index).ThenBy(piece => piece.FirstEntry))
        {
            if (previous is { } before && before.L1Index == piece.L1Index && piece.First != before.Last + clusterSize)
                fragmented++;
            previous = piece;
        }

        return fragmented;
    }

    private readonly record struct Piece(int L1Index, int FirstEntry, HostOffset First, HostOffset Last);
}
