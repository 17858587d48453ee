using System;
using Microsoft.Extensions.Logging;
using Qed.Images;
using Qed.Storage;

namespace Qed.Formats.Vmdk;

/// <summary>An extent of grains that lie in the file as they are.</summary>
internal sealed class SparseExtent : VmdkExtent
{
    private readonly BlockStorage _file;
    private readonly SparseHeader _header;
    private readonly GrainTables _tables;
    private readonly ILogger _logger;

    /// <param name="file">The extent's file.</param>
    /// <param name="header">Its header, which says that grains are not compressed.</param>
    /// <param name="length">Bytes of it that belong to the disk, at most its capacity.</param>
    /// <param name="options">How the image is opened.</param>
    internal SparseExtent(BlockStorage file, SparseHeader header, long length, ImageOpenOptions options)
        : base(length)
    {
        _file = file;
        _header = header;
        _logger = options.Logger;
        _tables = new GrainTables(file, header, options);
    }

    internal override BlockPlacement PlacementFrom(long guestStart) => new()
    {
        Path = _file.Path,
        GuestStart = guestStart,
        GuestLength = Length,
        BlockSize = _header.GrainBytes,
        Unit = SparseHeader.SectorSize,
        Logger = _logger,
        Structures = _tables.Structures,
    };

    internal override ExtentRun Find(long offset, long maximum)
    {
        (GrainRun run, long within) = _tables.FindBytes(offset, maximum);
        long length = Math.Min(maximum, (run.Grains * _header.GrainBytes) - within);
        return new ExtentRun(run.Kind, length, run.Kind == ExtentKind.Data ? (run.Sector * (long)SparseHeader.SectorSize) + within : null);
    }

    internal override void Read(long offset, ExtentRun run, Span<byte> buffer)
    {
        long host = run.HostOffset!.Value;
        if (_file.Read(host, buffer) < buffer.Length)
            throw new DiskImageException(ErrorKind.ImageCorrupt, "a grain is cut off by the end of the file", _file.Path) { Structure = "grain", Offset = host };
    }
}
