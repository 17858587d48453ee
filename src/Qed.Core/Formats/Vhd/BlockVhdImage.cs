using System;
using Qed.Images;
using Qed.Storage;
using Qed.Units;

namespace Qed.Formats.Vhd;

/// <summary>An open dynamic or differencing VHD.</summary>
internal sealed class BlockVhdImage : MappedImage, IVhdImage
{
    private const uint Unused = uint.MaxValue;
    // File systems keep times to two seconds.
    private const int TimeStampTolerance = 2;

    private readonly VhdDynamicHeader _header;
    private readonly BlockTable _table;
    private readonly SectorBitmaps _bitmaps;
    private readonly HiddenData? _hidden;
    private readonly ImageDetails _details;
    private readonly BlockPlacement _placement;
    private readonly long _fileLength;

    internal BlockVhdImage(BlockStorage storage, FoundFooter found, ImageOpenOptions options)
        : base(storage)
    {
        Footer = found.Footer;
        _header = VhdDynamicHeader.Read(storage, Footer);
        _table = new BlockTable(storage, _header.TableOffset, isBigEndian: true, options.TableCacheBytes);
        // Without a parent nothing else could show through a sector that is not held.
        _bitmaps = new SectorBitmaps(storage, _header.BlockSize, options.AllowMissingData && Footer.Type != VhdDiskType.Differencing);
        // In differences clear bits are the rule, and what lies there is left over; and from a failing disk no more is read than must be.
        _hidden = Footer.Type == VhdDiskType.Dynamic && !options.AllowMissingData ? new HiddenData(storage, options.Logger) : null;
        _details = VhdDetails.Of(found, _header);
        _fileLength = storage.Length;
        _placement = new BlockPlacement
        {
            Path = Path,
            GuestLength = Length,
            BlockSize = _header.BlockSize,
            Lead = _header.BitmapSize,
            Unit = VhdFooter.SectorSize,
            Logger = options.Logger,
            NextPlaced = NextPlaced,
            Structures = () => [new(0, VhdFooter.Size), new(Footer.DataOffset, VhdDynamicHeader.Size), new(_header.TableOffset, _header.Blocks * BlockTable.EntrySize)],
        };
        if (Footer.Type == VhdDiskType.Differencing)
            BackingReference = VhdParentNames.Read(storage, _header);
    }

    public override string Format => VhdFooter.FormatName;

    public override long Length => Footer.DiskSize;

    internal override BackingReference? BackingReference { get; }

    internal override ImageDetails Details => _details;

    public VhdFooter Footer { get; }

    public uint? LastWritten => Storage.LastWriteTime() is { } time ? VhdFooter.TimeStampOf(time) : null;

    internal override BlockPlacement PlacementAt(GuestOffset offset) => _placement;

    internal override string? CheckBacking(DiskImage backing)
    {
        if (backing is not IVhdImage parent)
            throw WrongParent($"the parent of a VHD must be a VHD, but '{backing.Path}' is a {backing.Format} image");
        if (parent.Footer.UniqueId != _header.ParentId)
            throw WrongParent($"'{backing.Path}' has the id {parent.Footer.UniqueId}, but the parent of this disk has {_header.ParentId}");
        uint noted = _header.ParentTimeStamp;
        bool isAsNoted = noted == 0 || noted == parent.Footer.TimeStamp
            || parent.LastWritten is not { } written || Math.Abs((long)noted - written) <= TimeStampTolerance;
        return isAsNoted ? null : $"its parent '{backing.Path}' may have been changed since this disk was made, for their time stamps differ";
    }

    private protected override Extent FindExtent(GuestOffset offset, long maximum)
    {
        var budget = default(LookupBudget);
        (long length, long? host) = RunAt(offset.Value, ref budget);
        if (host is { } data)
            return new Extent(offset, DataInFile(data, Math.Min(length, maximum)), ExtentKind.Data, new HostOffset(data));
        while (length < maximum && budget.TrySpend())
        {
            (long more, long? next) = RunAt(offset.Value + length, ref budget);
            if (next is not null)
                break;
            length += more;
        }

        return new Extent(offset, Math.Min(length, maximum), ExtentKind.Unallocated, null);
    }

    /// <summary>The run at an offset within one block, or over the unused blocks from there on.</summary>
    private (long Length, long? Host) RunAt(long offset, ref LookupBudget budget)
    {
        long block = offset / _header.BlockSize;
        int inBlock = (int)(offset % _header.BlockSize);
        uint entry = _table[block];
        if (entry == Unused)
        {
            long unused = _table.Run(block, BlockLayout.CountFor(Length, _header.BlockSize) - block, step: 0, ref budget);
            return ((unused * _header.BlockSize) - inBlock, null);
        }

        long bitmap = BitmapOffset(block, entry);
        int sector = inBlock / VhdFooter.SectorSize;
        int sectors = _bitmaps.Run(block, bitmap, sector, out bool isHeld);
        long length = ((sector + sectors) * (long)VhdFooter.SectorSize) - inBlock;
        long host = bitmap + _header.BitmapSize + inBlock;
        if (!isHeld)
            _hidden?.LookAt(host, length);
        return (length, isHeld ? host : null);
    }

    private (long Block, long Host)? NextPlaced(long block, long end)
    {
        while (block < end)
        {
            uint entry = _table[block];
            if (entry != Unused)
                return (block, BitmapOffset(block, entry) + _header.BitmapSize);
            var budget = default(LookupBudget);
            block += _table.Run(block, end - block, step: 0, ref budget);
        }

        return null;
    }

    private long BitmapOffset(long block, uint entry)
    {
        long offset = entry * (long)VhdFooter.SectorSize;
        long end = offset + _header.BitmapSize + _header.BlockSize;
        long tableEnd = _header.TableOffset + (_header.Blocks * BlockTable.EntrySize);
        bool isOnStructure = offset < VhdFooter.Size
            || (offset < Footer.DataOffset + VhdDynamicHeader.Size && end > Footer.DataOffset)
            || (offset < tableEnd && end > _header.TableOffset);
        if (!isOnStructure && offset <= _fileLength - _header.BitmapSize)
            return offset;
        throw new DiskImageException(
            ErrorKind.ImageCorrupt, isOnStructure ? "a block lies on the image's own structures" : "a block lies beyond the end of the file", Path)
        {
            Structure = "VHD block allocation table",
            Offset = _header.TableOffset + (block * BlockTable.EntrySize),
            Value = entry,
        };
    }

    /// <summary>How much of a run the file has; some writers cut the last block where the disk ends.</summary>
    private long DataInFile(long host, long length)
    {
        if (host < _fileLength)
            return Math.Min(length, _fileLength - host);
        throw new DiskImageException(ErrorKind.ImageCorrupt, "a block reaches beyond the end of the file", Path)
        {
            Structure = "VHD block",
            Offset = host,
            Value = (ulong)length,
        };
    }

    private DiskImageException WrongParent(string rule) => new(ErrorKind.ImageCorrupt, rule, Path)
    {
        Structure = "VHD dynamic disk header",
        Offset = Footer.DataOffset + 40,
        Remedy = Remedy.Advice("Put the original parent back under its name."),
    };
}
