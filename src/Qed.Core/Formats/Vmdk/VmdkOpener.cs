using System.Collections.Generic;
using System.Linq;
using Qed.Images;
using Qed.Storage;

namespace Qed.Formats.Vmdk;

/// <summary>Opens VMDK images: one sparse file with its descriptor within, or a descriptor that names other files.</summary>
internal static class VmdkOpener
{
    private static readonly byte[] OldSparseMagic = "COWD"u8.ToArray();
    // 0x00000000cafebabe, little-endian.
    private static readonly byte[] SeSparseMagic = [0xbe, 0xba, 0xfe, 0xca, 0, 0, 0, 0];

    /// <summary>Whether a file starts like any kind of VMDK file, also one that will be refused by name.</summary>
    internal static bool Matches(FileProbe probe)
        => SparseHeaderReader.HasMagic(probe.Start) || DescriptorReader.IsDescriptor(probe.Start)
            || probe.StartHas(0, OldSparseMagic) || probe.StartHas(0, SeSparseMagic);

    /// <summary>Opens an image, which owns the storage once it is open.</summary>
    internal static VmdkImage Open(BlockStorage storage, ImageOpenOptions options)
    {
        var others = new List<BlockStorage>();
        try
        {
            var probe = new FileProbe(storage);
            RefuseOtherKinds(probe, storage);
            if (SparseHeaderReader.HasMagic(probe.Start))
                return OpenSparse(storage, options);
            if (DescriptorReader.IsDescriptor(probe.Start))
                return OpenDescriptor(storage, options, others);
            throw new DiskImageException(ErrorKind.ImageNotRecognized, "the file is neither a sparse VMDK extent nor a VMDK descriptor", storage.Path);
        }
        catch
        {
            foreach (BlockStorage file in others)
                file.Dispose();
            throw;
        }
    }

    private static VmdkImage OpenSparse(BlockStorage storage, ImageOpenOptions options)
    {
        SparseHeader header = SparseHeaderReader.Read(storage);
        Descriptor descriptor = DescriptorReader.ReadEmbedded(storage, header)
            ?? throw new DiskImageException(ErrorKind.UnsupportedFeature, "the file has no descriptor, so it is one extent of an image of several files", storage.Path)
            {
                Remedy = Remedy.Advice("Give the descriptor, the small text file that names the extents."),
            };
        // The name in its line is what the file was called once; the line stands for the file itself.
        if (descriptor.Extents.Count != 1 || descriptor.Extents[0].Type != DescriptorExtentType.Sparse)
            throw new DiskImageException(ErrorKind.UnsupportedFeature, "a descriptor within a sparse extent that names other extents is not supported", storage.Path);
        long length = header.Capacity * SparseHeader.SectorSize;
        return new VmdkImage(storage, descriptor, [CreateSparse(storage, header, length, options)], [], Describe(descriptor, [header]), length);
    }

    private static VmdkImage OpenDescriptor(BlockStorage storage, ImageOpenOptions options, List<BlockStorage> others)
    {
        Descriptor descriptor = DescriptorReader.ReadFile(storage);
        long length = descriptor.Extents.Sum(line => line.Sectors) * SparseHeader.SectorSize;
        var headers = new List<SparseHeader>();
        VmdkExtent[] extents = options.WithData
            ? descriptor.Extents.Select(line => OpenExtent(line, storage, options, others, headers)).ToArray()
            : [];
        return new VmdkImage(storage, descriptor, extents, others, Describe(descriptor, headers), length);
    }

    private static VmdkExtent OpenExtent(DescriptorExtent line, BlockStorage image, ImageOpenOptions options, List<BlockStorage> others, List<SparseHeader> headers)
    {
        if (line.Type == DescriptorExtentType.Zero)
            return new ZeroExtent(line.Sectors * SparseHeader.SectorSize);
        if (line.Type == DescriptorExtentType.Unsupported)
        {
            throw new DiskImageException(ErrorKind.UnsupportedFeature, $"extents of the kind {line.TypeName} are not supported", image.Path)
            {
                Remedy = Remedy.Advice("Export the disk with VMware's own tools first."),
            };
        }

        BlockStorage file = ExtentFiles.Open(line.FileName!, image, options);
        others.Add(file);
        if (line.Type == DescriptorExtentType.Flat)
            return FlatExtent.Open(file, line, options.AllowMissingData);
        RefuseOtherKinds(new FileProbe(file), file);
        SparseHeader header = SparseHeaderReader.Read(file);
        if (header.Capacity < line.Sectors)
        {
            throw new DiskImageException(ErrorKind.ImageCorrupt, "the sparse extent has a smaller capacity than the descriptor says", file.Path)
            {
                Structure = "header field capacity",
                Offset = 12,
                Value = (ulong)header.Capacity,
            };
        }

        headers.Add(header);
        return CreateSparse(file, header, line.Sectors * SparseHeader.SectorSize, options);
    }

    private static VmdkExtent CreateSparse(BlockStorage file, SparseHeader header, long length, ImageOpenOptions options)
        => header.IsCompressed ? new CompressedExtent(file, header, length, options) : new SparseExtent(file, header, length, options);

    private static ImageDetails Describe(Descriptor descriptor, List<SparseHeader> headers)
    {
        SparseFlags flags = headers.Aggregate(SparseFlags.None, (all, header) => all | header.Flags);
        var features = new List<string>();
        foreach (SparseFlags flag in new[] { SparseFlags.RedundantDirectory, SparseFlags.ZeroGrains, SparseFlags.Compressed, SparseFlags.Markers })
        {
            if ((flags & flag) != 0)
                features.Add(flag.ToString());
        }

        if (descriptor.HasChangeTracking)
            features.Add("ChangeTracking");
        return new ImageDetails
        {
            Subformat = descriptor.CreateType,
            ClusterSize = headers.Count > 0 ? headers[0].GrainBytes : null,
            NeedsCheck = headers.Count > 0 ? headers.Any(header => header.UncleanShutdown) : null,
            Features = features,
        };
    }

    private static void RefuseOtherKinds(FileProbe probe, BlockStorage file)
    {
        string? kind = probe.StartHas(0, OldSparseMagic) ? "a COWD extent (vmfsSparse)"
            : probe.StartHas(0, SeSparseMagic) ? "an SESparse extent (seSparse)"
            : null;
        if (kind is null)
            return;
        throw new DiskImageException(ErrorKind.UnsupportedFeature, $"this is {kind} of VMware ESX, which is not supported", file.Path)
        {
            Remedy = Remedy.Advice("Export the disk with VMware's own tools first."),
        };
    }
}
