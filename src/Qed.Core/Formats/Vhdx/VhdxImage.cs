using System;
using System.Collections.Generic;
using System.Linq;
using Qed.Images;
using Qed.Storage;
using Qed.Units;
using static Qed.Invariant;

namespace Qed.Formats.Vhdx;

/// <summary>An open VHDX image, for reading. A log that is pending is replayed in memory; the file is never changed.</summary>
internal sealed class VhdxImage : DiskImage
{
    private readonly BlockStorage _file;
    private readonly BlockStorage _storage;
    private readonly VhdxMetadata _metadata;
    private readonly VhdxBlockMap _map;
    private readonly BlockPlacement _placement;

    internal VhdxImage(BlockStorage file, ImageOpenOptions options)
    {
        _file = file;
        Header = VhdxHeader.ReadCurrent(file);
        _storage = VhdxLog.Apply(file, Header);
        VhdxRegionTable regions = VhdxRegionTable.Read(_storage, Header);
        _metadata = VhdxMetadata.Read(_storage, regions.Metadata);
        _map = new VhdxBlockMap(_storage, regions, _metadata.Geometry, _metadata.Parent is not null, options.TableCacheBytes);
        _placement = new BlockPlacement
        {
            Path = Path,
            GuestLength = Length,
            BlockSize = _metadata.Geometry.BlockSize,
            Unit = VhdxGeometry.Megabyte,
            Structures = _map.Structures,
        };
        BackingReference = _metadata.Parent?.ToReference();
        Details = Describe();
    }

    public override string Path => _file.Path;

    internal override BlockStorage ExtentStorage => _file;

    public override string Format => "vhdx";

    public override long Length => _metadata.Geometry.Size;

    internal override BackingReference? BackingReference { get; }

    internal override ImageDetails Details { get; }

    internal VhdxHeader Header { get; }

    internal VhdxMetadata Metadata => _metadata;

    private bool IsReplayed => _storage != _file;

    internal override BlockPlacement PlacementAt(GuestOffset offset) => _placement;

    /// <exception cref="DiskImageException">ImageCorrupt where the candidate is another image than the one this was made on, or has changed since.</exception>
    internal override string? CheckBacking(DiskImage backing)
    {
        if (_metadata.Parent is not { } locator)
            return null;
        if (backing is not VhdxImage parent)
            throw VhdxFault.Corrupt(Path, $"the parent '{backing.Path}' is not a VHDX image", "parent locator");
        if (!locator.ParentIds.Contains(parent.Header.DataWriteGuid))
        {
            throw new DiskImageException(
                ErrorKind.ImageCorrupt, $"'{backing.Path}' is not the parent that this image was made on, or its data has changed since", Path)
            {
                Structure = $"parent locator key parent_linkage, {locator.ParentIds[0]}; the candidate has {parent.Header.DataWriteGuid}",
            };
        }

        if (parent.Metadata.Geometry.LogicalSectorSize != _metadata.Geometry.LogicalSectorSize)
            throw VhdxFault.Corrupt(Path, $"the parent '{backing.Path}' has another logical sector size", "metadata item Logical Sector Size");
        return null;
    }

    private protected override Extent FindExtent(GuestOffset offset, long maximum)
    {
        var budget = default(LookupBudget);
        VhdxBlockMap.Run first = _map.Find(offset, maximum, ref budget);
        long length = first.Length;
        // Runs end with each partial block; what continues beyond is the same extent.
        while (length < maximum && !(first.Kind == ExtentKind.Data && _map.IsEndOfFile(first.Host + length)) && budget.TrySpend())
        {
            VhdxBlockMap.Run next = _map.Find(offset + length, maximum - length, ref budget);
            if (next.Kind != first.Kind || (next.Kind == ExtentKind.Data && next.Host != first.Host + length))
                break;
            length += next.Length;
        }

        return first.Kind == ExtentKind.Data ? DataExtent(offset, length, first.Host) : new Extent(offset, length, first.Kind, null);
    }

    private protected override int ReadRun(GuestOffset offset, Span<byte> buffer)
    {
        var budget = default(LookupBudget);
        VhdxBlockMap.Run run = _map.Find(offset, buffer.Length, ref budget);
        Span<byte> part = buffer.Slice(0, (int)run.Length);
        if (run.Kind == ExtentKind.Data)
            _storage.ReadWhole(run.Host.Value, part);
        else
            ReadBeneath(offset, run.Kind, part);
        return part.Length;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _storage.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>Of a block that was written in part the host holds the rest as a hole, which need not be read.</summary>
    private Extent DataExtent(GuestOffset offset, long length, HostOffset host)
    {
        // What lies in the log's shadow need not be what the file says at that place.
        if (IsReplayed)
            return new Extent(offset, length, ExtentKind.Data, null);
        StorageExtent run = _file.NextExtent(host.Value);
        return new Extent(offset, Math.Min(length, run.Length), run.IsHole ? ExtentKind.Zero : ExtentKind.Data, host);
    }

    private ImageDetails Describe()
    {
        var features = new List<string>();
        if (_metadata.IsFixed)
            features.Add("LeaveBlocksAllocated");
        if (_metadata.Parent is not null)
            features.Add("HasParent");
        return new ImageDetails
        {
            Subformat = _metadata.Parent is not null ? "differencing" : _metadata.IsFixed ? "fixed" : "dynamic",
            ClusterSize = _metadata.Geometry.BlockSize,
            LogicalSectorSize = _metadata.Geometry.LogicalSectorSize,
            PhysicalSectorSize = (int)_metadata.PhysicalSectorSize,
            MaximumSize = VhdxGeometry.MaximumSize,
            NeedsCheck = Header.HasLog,
            Features = features,
            Properties =
            [
                new FormatProperty("logical-sector-size", Text(_metadata.Geometry.LogicalSectorSize), IsLiteral: true),
                new FormatProperty("physical-sector-size", Text(_metadata.PhysicalSectorSize), IsLiteral: true),
            ],
        };
    }
}
