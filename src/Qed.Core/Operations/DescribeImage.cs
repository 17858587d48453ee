using System.Collections.Generic;
using Qed.Chains;
using Qed.Formats;
using Qed.Images;
using Qed.Storage;

namespace Qed.Operations;

/// <summary>Describes an image from its own header; opens no other file unless the chain is asked for. Changes nothing and takes no lock.</summary>
public static class DescribeImage
{
    /// <summary>Describes one image.</summary>
    /// <param name="path">The image's file.</param>
    /// <param name="format">Its format; null to probe.</param>
    /// <param name="rawFallback">When a file of no known format is a raw disk.</param>
    /// <exception cref="DiskImageException">The file cannot be read, or its header breaks a rule.</exception>
    public static ImageDescription Run(string path, string? format = null, RawFallback rawFallback = RawFallback.Anything)
        => Run(path, format, rawFallback, isWanted: false);

    /// <summary>Describes an image and each one that it rests on, from the top down, each as soon as it is known.</summary>
    /// <param name="path">The top image's file.</param>
    /// <param name="format">Its format; null to probe.</param>
    /// <param name="rawFallback">When a file of no known format is a raw disk.</param>
    /// <exception cref="DiskImageException">Also BackingFileMissing, BackingFileRefused and BackingChainLoop, after the links before them.</exception>
    public static IEnumerable<ImageDescription> RunChain(string path, string? format = null, RawFallback rawFallback = RawFallback.Anything)
    {
        var seen = new HashSet<FileIdentity>();
        string? next = path;
        string? previous = null;
        while (next is not null)
        {
            ImageDescription link = DescribeLink(next, previous, format, previous is null ? rawFallback : RawFallback.Anything, seen);
            yield return link;
            previous = link.Path;
            format = link.BackingFormat;
            // Refused names are described without a path; resolving one again says why.
            next = link.BackingPath is { } name ? link.BackingFullPath ?? BackingNames.Resolve(name, link.Path) : null;
        }
    }

    private static ImageDescription Run(string path, string? format, RawFallback rawFallback, bool isWanted)
    {
        var how = new ChainOptions { Format = format, RawFallback = rawFallback, Access = StorageAccess.Peek, Image = ImageOpenOptions.DescribeOnly };
        using DiskImage image = ImageChain.OpenLink(path, how, out HostFile file);
        ImageDetails details = image.Details;
        ImageFormat known = FormatRegistry.ByName(image.Format);
        bool? isInUse = file.IsInUse();
        return new ImageDescription
        {
            Path = file.Path,
            Format = known.Name,
            IsGuestBytes = known.IsGuestBytes,
            IsChangedInPlace = known.IsChangedInPlace,
            Subformat = details.Subformat,
            Size = image.Length,
            FileSize = file.Length,
            AllocatedSize = file.AllocatedLength,
            ClusterSize = details.ClusterSize,
            TableSize = details.TableSize,
            LogicalSectorSize = details.LogicalSectorSize,
            PhysicalSectorSize = details.PhysicalSectorSize,
            MaximumSize = details.MaximumSize,
            NeedsCheck = details.NeedsCheck,
            Features = details.Features,
            Properties = details.Properties,
            Snapshots = details.Snapshots,
            BackingPath = image.BackingReference?.Name,
            BackingFullPath = FullPathOf(image, isWanted),
            BackingFormat = image.BackingReference?.Format,
            InUse = isInUse,
            InUseBy = isInUse == true ? LockHolder.Describe(path) : null,
        };
    }

    private static ImageDescription DescribeLink(string path, string? namedBy, string? format, RawFallback rawFallback, HashSet<FileIdentity> seen)
    {
        ImageChain.RequireFreshLink(path, namedBy, seen);
        if (FileIdentity.Of(path) is { } identity)
            seen.Add(identity);
        try
        {
            return Run(path, format, rawFallback, isWanted: true);
        }
        catch (DiskImageException error) when (error.Kind == ErrorKind.ImageNotFound && namedBy is not null)
        {
            throw new DiskImageException(ErrorKind.BackingFileMissing, $"the backing file '{path}' does not exist", namedBy, error);
        }
    }

    private static string? FullPathOf(DiskImage image, bool isWanted)
    {
        try
        {
            return image.BackingReference is { } reference ? BackingNames.Resolve(reference, image.Path, isWanted) : null;
        }
        catch (DiskImageException)
        {
            // The name is shown as stored; that it is refused matters to those who need the data.
            return null;
        }
    }
}
