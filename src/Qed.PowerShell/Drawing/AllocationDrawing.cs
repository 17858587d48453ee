using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;

namespace Qed.PowerShell.Drawing;

/// <summary>Draws the allocation of a disk as lines of text: a heading, a field of cells in the disk's order, and what they mean.</summary>
/// <param name="width">Columns of the drawing.</param>
/// <param name="height">The most lines of the field.</param>
/// <param name="useColor">Whether the host shows colours.</param>
/// <param name="useBlocks">Whether it shows block characters; plain ones otherwise.</param>
internal sealed class AllocationDrawing(int width, int height, bool useColor, bool useBlocks)
{
    private const string Reset = "\u001b[0m";

    // How each look is drawn, with blocks and without, and which colour it has: the order is that of AllocationLook.
    private static readonly (char Block, char Plain, string Color, string Name)[] Looks =
    [
        ('·', '.', "\u001b[90m", "unallocated"),
        ('░', 'z', "\u001b[36m", "zero"),
        ('▒', 'o', "\u001b[34m", "partly data"),
        ('█', '#', "\u001b[94m", "data"),
        ('▓', '%', "\u001b[33m", "data in pieces"),
        ('▚', 'b', "\u001b[35m", "in the backing chain"),
        ('X', 'X', "\u001b[91m", "damaged"),
    ];

    /// <summary>The lines of a drawing.</summary>
    /// <param name="path">The image, for the heading.</param>
    /// <param name="grid">Its allocation.</param>
    internal IEnumerable<string> Lines(string path, AllocationGrid grid)
    {
        AllocationCell total = grid.Total;
        yield return $"{Path.GetFileName(path)}  {ByteSize.Format(grid.Size)}: {Share(total.Own, grid.Size)} data"
            + (total.Backing > 0 ? $", {Share(total.Backing, grid.Size)} in the backing chain" : null)
            + $", {Share(total.Zero, grid.Size)} zero, {Share(total.Unallocated, grid.Size)} unallocated"
            + (grid.Breaks > 0 ? string.Format(CultureInfo.CurrentCulture, ", in {0:N0} pieces", grid.Breaks + 1) : null);
        if (grid.Size == 0)
            yield break;
        int count = CellCount(grid);
        AllocationCell[] cells = grid.Cut(count);
        for (int start = 0; start < cells.Length; start += width)
            yield return Row(cells.Skip(start).Take(width));
        IEnumerable<AllocationLook> shown = cells.Select(cell => cell.Look).Distinct().OrderBy(look => look);
        yield return string.Join("  ", shown.Select(look => $"{Glyph(look)} {Looks[(int)look].Name}"))
            + $"  (each {ByteSize.Format((grid.Size + (ulong)count - 1) / (ulong)count)})";
    }

    /// <summary>Whole lines, as many as there is room and something to show for.</summary>
    private int CellCount(AllocationGrid grid)
    {
        ulong used = (grid.Size + grid.CellSize - 1) / grid.CellSize;
        return (int)Math.Min((ulong)(width * height), used);
    }

    private string Row(IEnumerable<AllocationCell> cells)
    {
        var row = new StringBuilder();
        AllocationLook? last = null;
        foreach (AllocationCell cell in cells)
        {
            AllocationLook look = cell.Look;
            if (useColor && look != last)
                row.Append(Looks[(int)look].Color);
            row.Append(Character(look));
            last = look;
        }

        if (useColor)
            row.Append(Reset);
        return row.ToString();
    }

    private string Glyph(AllocationLook look)
        => useColor ? Looks[(int)look].Color + Character(look) + Reset : Character(look).ToString();

    private char Character(AllocationLook look) => useBlocks ? Looks[(int)look].Block : Looks[(int)look].Plain;

    private static string Share(ulong part, ulong whole)
        => whole == 0 ? "0 %" : (100.0 * part / whole).ToString("0.#", CultureInfo.CurrentCulture) + " %";
}
