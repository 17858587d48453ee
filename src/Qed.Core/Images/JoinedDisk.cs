using System;
using System.Collections.Generic;
using System.Linq;
using Qed.Units;

namespace Qed.Images;

/// <summary>Several disks one behind the other, each filled up with zeroes to whole sectors, as one disk that owns them.</summary>
internal sealed class JoinedDisk : DiskImage
{
    private const int SectorSize = 512;

    private readonly IReadOnlyList<DiskImage> _parts;
    private readonly long[] _starts;

    /// <param name="parts">The disks, at least one.</param>
    internal JoinedDisk(IReadOnlyList<DiskImage> parts)
    {
        _parts = parts;
        _starts = new long[parts.Count];
        for (int i = 0; i < parts.Count; i++)
        {
            _starts[i] = Length;
            Length = checked(Length + ((parts[i].Length + SectorSize - 1) / SectorSize * SectorSize));
        }
    }

    public override string Path => _parts[0].Path;

    public override IReadOnlyList<string> Files => [.. _parts.SelectMany(part => part.Files).Distinct()];

    public override string Format => _parts[0].Format;

    public override long Length { get; }

    private protected override Extent FindExtent(GuestOffset offset, long maximum)
    {
        (DiskImage part, GuestOffset within, long length) = Locate(offset, maximum);
        if (within.Value >= part.Length)
            return new Extent(offset, length, ExtentKind.Zero, null);
        Extent run = part.GetChainExtents(within, Math.Min(length, part.Length - within.Value)).First().Run;
        return run with
        {
            Offset = offset,
            Kind = run.Kind == ExtentKind.Data ? ExtentKind.Data : ExtentKind.Zero,
            HostOffset = null,
        };
    }

    private protected override int ReadRun(GuestOffset offset, Span<byte> buffer)
    {
        (DiskImage part, GuestOffset within, long length) = Locate(offset, buffer.Length);
        part.ReadOrZero(within, buffer.Slice(0, (int)length));
        return (int)length;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            foreach (DiskImage part in _parts)
                part.Dispose();
        }

        base.Dispose(disposing);
    }

    private (DiskImage Part, GuestOffset Within, long Length) Locate(GuestOffset offset, long maximum)
    {
        int index = Array.BinarySearch(_starts, offset.Value);
        if (index < 0)
            index = ~index - 1;
        // Of several that start alike all but the last are empty.
        while (index + 1 < _starts.Length && _starts[index + 1] <= offset.Value)
            index++;
        long end = index + 1 < _starts.Length ? _starts[index + 1] : Length;
        return (_parts[index], new GuestOffset(offset.Value - _starts[index]), Math.Min(maximum, end - offset.Value));
    }
}
