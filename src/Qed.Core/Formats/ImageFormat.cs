using System;
using System.Collections.Generic;
using System.Linq;
using Qed.Images;
using Qed.Storage;
using Qed.Targets;

namespace Qed.Formats;

/// <summary>A disk image format: how to recognise, open and create it. One folder holds all that is known of each.</summary>
internal abstract class ImageFormat
{
    // Where a format may have its signature at the end, it is in the last sector.
    private const int EndLength = 512;

    /// <summary>The short name, in lower case.</summary>
    public abstract string Name { get; }

    /// <summary>Further short names that mean this format, as other programs write them.</summary>
    public virtual IReadOnlyList<string> Aliases => [];

    /// <summary>The short name that QEMU knows, which is what images of other formats store.</summary>
    public virtual string QemuName => Name;

    /// <summary>The name as people write it, for messages.</summary>
    public virtual string DisplayName => Name;

    /// <summary>File name endings that mean this format, with their dot.</summary>
    public abstract IReadOnlyList<string> Extensions { get; }

    /// <summary>The variants of the format that can be written, the default one first.</summary>
    public virtual IReadOnlyList<Subformat> Subformats { get; } = [Subformat.Dynamic];

    /// <summary>Whether a file of this format can rest on a backing file.</summary>
    public virtual bool HasBackingFiles => false;

    /// <summary>Whether a new image's cluster size (block, grain) can be chosen.</summary>
    public virtual bool HasClusterSize => false;

    /// <summary>Whether a new image's table size can be chosen.</summary>
    public virtual bool HasTableSize => false;

    /// <summary>Whether an image says how large its sectors are, and a new image's can be chosen.</summary>
    public virtual bool HasSectorSizes => false;

    /// <summary>Whether an image can hold snapshots of its disk.</summary>
    public virtual bool HasSnapshots => false;

    /// <summary>Whether data can be written compressed.</summary>
    public virtual bool HasCompression => false;

    /// <summary>Whether images of this format are checked, repaired, resized and re-parented where they lie.</summary>
    public virtual bool IsChangedInPlace => false;

    /// <summary>
    /// Whether a file of this format is the guest's bytes and nothing else: it can be written in order and over what is there,
    /// and what lies behind it on a block device does not belong to it.
    /// </summary>
    public virtual bool IsGuestBytes => false;

    /// <summary>What the guest's size must be a multiple of, in bytes.</summary>
    /// <param name="subformat">The variant that is to be written.</param>
    public abstract int SizeGranularity(Subformat subformat);

    /// <summary>The least size of a disk of this format that holds another one whole.</summary>
    /// <param name="size">Bytes of the other disk.</param>
    /// <param name="subformat">The variant that is to be written.</param>
    /// <param name="sectorSize">Bytes in a sector of the disk, where that is known.</param>
    internal long PaddedSize(long size, Subformat subformat, int? sectorSize = null)
    {
        long granularity = Math.Max(SizeGranularity(subformat), sectorSize ?? 1);
        return (size + granularity - 1) / granularity * granularity;
    }

    /// <summary>Whether a file is an image of this format; never true for a format without a signature.</summary>
    internal abstract bool Matches(FileProbe probe);

    /// <summary>Whether a file starts with a header of this format, where <see cref="Matches"/> also knows it by its end.</summary>
    internal virtual bool HasHeader(FileProbe probe) => Matches(probe);

    /// <summary>Opens an image for reading; it owns the storage from then on, also when opening fails.</summary>
    internal DiskImage Open(BlockStorage storage, ImageOpenOptions options)
    {
        try
        {
            return OpenCore(storage, options);
        }
        catch
        {
            storage.Dispose();
            throw;
        }
    }

    /// <summary>Names of further files, in its folder, that are a file's own: without it they are nothing.</summary>
    /// <exception cref="DiskImageException">The file cannot be understood.</exception>
    internal virtual IReadOnlyList<string> PartsOf(BlockStorage storage) => [];

    /// <summary>Starts an image in an empty file, which stays the caller's.</summary>
    /// <exception cref="DiskImageException">InvalidGeometry, InvalidSize or UnsupportedFeature, with nothing written.</exception>
    internal ImageWriter CreateWriter(ImageTarget target, TargetOptions options)
    {
        string? refused = options switch
        {
            { ClusterSize: not null } when !HasClusterSize => "a cluster size that can be chosen",
            { TableSize: not null } when !HasTableSize => "tables whose size can be chosen",
            { LogicalSectorSize: not null } or { PhysicalSectorSize: not null } when !HasSectorSizes => "sectors whose size can be chosen",
            { Backing: not null } when !HasBackingFiles => "backing files",
            { Compress: true } when !HasCompression => "compression",
            _ when !Subformats.Contains(options.Subformat) => $"the subformat {options.Subformat}",
            _ => null,
        };
        if (refused is null)
        {
            if (!IsGuestBytes)
                target.EndWith(stackalloc byte[EndLength]);
            return CreateWriterCore(target, options);
        }

        throw new DiskImageException(ErrorKind.UnsupportedFeature, $"{DisplayName} images do not have {refused}", target.Storage.Path)
        {
            Remedy = Subformats.Contains(options.Subformat) ? null : Remedy.Advice("They have: " + string.Join(", ", Subformats) + "."),
        };
    }

    /// <summary>As <see cref="Open"/>; further files that were opened it closes itself where opening fails.</summary>
    private protected abstract DiskImage OpenCore(BlockStorage storage, ImageOpenOptions options);

    /// <summary>As <see cref="CreateWriter"/>, with options that the format has.</summary>
    private protected abstract ImageWriter CreateWriterCore(ImageTarget target, TargetOptions options);
}
