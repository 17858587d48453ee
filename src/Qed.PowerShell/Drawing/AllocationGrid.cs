using System;

namespace Qed.PowerShell.Drawing;

/// <summary>
/// Sums up an image's runs in cells of one size, however many runs there are and however large the disk is: where the cells
/// run out, two become one.
/// </summary>
internal sealed class AllocationGrid
{
    // A disk is drawn with a few thousand cells at most; twice as many leave room to halve them.
    private const int Most = 1 << 14;

    private AllocationCell[] _cells = new AllocationCell[Most];
    private long? _expectedHost;
    private string? _expectedFile;

    /// <summary>Bytes of the disk that one cell stands for.</summary>
    internal ulong CellSize { get; private set; } = 512;

    /// <summary>Bytes of the disk, as far as runs were added.</summary>
    internal ulong Size { get; private set; }

    /// <summary>All cells in one.</summary>
    internal AllocationCell Total { get; private set; }

    /// <summary>Places where data does not go on where the data before it ended, although it is in the same file.</summary>
    internal long Breaks { get; private set; }

    /// <summary>Adds a run; runs come in the disk's order.</summary>
    internal void Add(MappedExtent run)
    {
        ulong offset = (ulong)run.Offset;
        ulong end = (ulong)run.End;
        while (end > CellSize * Most)
            Halve();
        Total = Sum(Total, run, end - offset);
        if (run.Kind == ExtentKind.Data && IsBreak(run))
        {
            Breaks++;
            _cells[offset / CellSize].Breaks++;
        }

        Size = Math.Max(Size, end);
        while (offset < end)
        {
            ulong index = offset / CellSize;
            ulong part = Math.Min(end, (index + 1) * CellSize) - offset;
            _cells[index] = Sum(_cells[index], run, part);
            offset += part;
        }
    }

    /// <summary>The disk in a number of cells, each as large as the others.</summary>
    internal AllocationCell[] Cut(int count)
    {
        var cut = new AllocationCell[count];
        int used = (int)((Size + CellSize - 1) / CellSize);
        for (int i = 0; i < count; i++)
        {
            int first = (int)((long)used * i / count);
            int end = Math.Max(first + 1, (int)((long)used * (i + 1) / count));
            for (int cell = first; cell < end && cell < used; cell++)
                cut[i].Add(_cells[cell]);
        }

        return cut;
    }

    private static AllocationCell Sum(AllocationCell cell, MappedExtent run, ulong bytes)
    {
        if (run.IsDamaged)
            cell.IsDamaged = true;
        else
            cell.Add(run.Kind, run.Depth, bytes);
        return cell;
    }

    /// <summary>Whether data does not go on where the data before it in the same file ended.</summary>
    private bool IsBreak(MappedExtent run)
    {
        bool isBreak = _expectedHost is { } expected && _expectedFile == run.HostPath && run.HostOffset is { } host && host != expected;
        _expectedHost = run.HostOffset + run.Length;
        _expectedFile = run.HostPath;
        return isBreak;
    }

    private void Halve()
    {
        var halved = new AllocationCell[Most];
        for (int i = 0; i < Most; i++)
            halved[i / 2].Add(_cells[i]);
        _cells = halved;
        CellSize *= 2;
    }
}
