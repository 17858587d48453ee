using System;
using Qed.Images;
using Qed.Storage;
using Qed.Units;

namespace Qed.Formats.Vdi;

/// <summary>An open VDI image.</summary>
internal sealed class VdiImage : MappedImage
{
    private const uint Unallocated = 0xffffffff;
    private const uint Zero = 0xfffffffe;

    private readonly VdiHeader _header;
    private readonly BlockTable _map;
    private readonly BlockPlacement _placement;
    private readonly long _fileLength;

    internal VdiImage(BlockStorage storage, ImageOpenOptions options)
        : base(storage)
    {
        _header = VdiHeader.Read(storage);
        _map = new BlockTable(storage, _header.MapOffset, isBigEndian: false, options.TableCacheBytes);
        _fileLength = storage.Length;
        _placement = new BlockPlacement
        {
            Path = Path,
            GuestLength = Length,
            BlockSize = _header.BlockSize,
            Unit = _header.BlockSize,
            // All structures lie before it, or the header is refused.
            Origin = _header.DataOffset,
            Structures = () => [],
        };
    }

    public override string Format => VdiHeader.FormatName;

    public override long Length => _header.DiskSize;

    internal override ImageDetails Details => new()
    {
        Subformat = _header.Type == VdiImageType.Static ? "static" : "dynamic",
        ClusterSize = _header.BlockSize,
    };

    internal override BlockPlacement PlacementAt(GuestOffset offset) => _placement;

    private protected override Extent FindExtent(GuestOffset offset, long maximum)
    {
        long block = offset.Value / _header.BlockSize;
        long inBlock = offset.Value % _header.BlockSize;
        uint entry = _map[block];
        bool isData = entry is not (Unallocated or Zero);
        var budget = default(LookupBudget);
        long blocks = _map.Run(block, BlockLayout.CountFor(inBlock + maximum, _header.BlockSize), step: isData ? 1u : 0, ref budget);
        long length = Math.Min(maximum, (blocks * _header.BlockSize) - inBlock);
        if (!isData)
            return new Extent(offset, length, entry == Zero ? ExtentKind.Zero : ExtentKind.Unallocated, null);
        long host = _header.DataOffset + (entry * (long)_header.BlockSize) + inBlock;
        return new Extent(offset, InFile(block, entry, host, length), ExtentKind.Data, new HostOffset(host));
    }

    /// <summary>As much of a run as the file holds.</summary>
    private long InFile(long block, uint entry, long host, long length)
    {
        if (host < _fileLength)
            return Math.Min(length, _fileLength - host);
        throw new DiskImageException(ErrorKind.ImageCorrupt, "a block lies beyond the end of the file", Path)
        {
            Structure = "VDI block map",
            Offset = _header.MapOffset + (block * BlockTable.EntrySize),
            Value = entry,
        };
    }
}
