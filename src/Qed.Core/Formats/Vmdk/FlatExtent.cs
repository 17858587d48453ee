using System;
using Qed.Storage;

namespace Qed.Formats.Vmdk;

/// <summary>An extent whose file holds the guest's bytes as they are, from some place on.</summary>
internal sealed class FlatExtent(BlockStorage file, long start, long length) : VmdkExtent(length)
{
    private readonly long _fileLength = file.Length;

    /// <summary>Makes an extent of a descriptor's line.</summary>
    /// <param name="file">The extent's file.</param>
    /// <param name="line">The line.</param>
    /// <param name="allowMissing">Whether the file may be shorter than the line says.</param>
    /// <exception cref="DiskImageException">ImageCorrupt where the file is shorter.</exception>
    internal static FlatExtent Open(BlockStorage file, DescriptorExtent line, bool allowMissing)
    {
        long start = line.FirstSector * SparseHeader.SectorSize;
        long length = line.Sectors * SparseHeader.SectorSize;
        if (allowMissing || start <= file.Length - length)
            return new FlatExtent(file, start, length);
        throw new DiskImageException(ErrorKind.ImageCorrupt, "the flat extent's file is shorter than the descriptor says", file.Path)
        {
            Structure = "extent line of the descriptor, sectors",
            Value = (ulong)line.Sectors,
        };
    }

    internal override ExtentRun Find(long offset, long maximum)
    {
        if (start + offset >= _fileLength)
            throw CutOff(offset);
        StorageExtent run = file.NextExtent(start + offset);
        return new ExtentRun(run.IsHole ? ExtentKind.Zero : ExtentKind.Data, Math.Min(run.Length, maximum), start + offset);
    }

    internal override ExtentRun FindToRead(long offset, long maximum) => new(ExtentKind.Data, maximum, start + offset);

    internal override void Read(long offset, ExtentRun run, Span<byte> buffer)
    {
        if (start + offset + buffer.Length > _fileLength)
            throw CutOff(offset);
        file.ReadWhole(start + offset, buffer);
    }

    private DiskImageException CutOff(long offset)
        => new(ErrorKind.ImageCorrupt, "the flat extent's file ends before its data does", file.Path) { Offset = start + offset };
}
