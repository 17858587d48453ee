using System;
using System.Collections.Generic;
using System.Threading;
using Microsoft.Extensions.Logging;
using Qed.Chains;
using Qed.Formats;
using Qed.Images;
using Qed.Storage;

namespace Qed.Operations;

/// <summary>Describes an image from its own header; opens no other file unless the chain is asked for. Changes nothing and takes no lock.</summary>
public static class DescribeImage
{
    /// <summary>Describes one image.</summary>
    /// <exception cref="DiskImageException">The file cannot be read, or its header breaks a rule.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled before it began.</exception>
    public static ImageDescription Run(
        DescribeImageOptions options,
        IProgress<OperationProgress>? progress = null,
        ILogger? logger = null,
        CancellationToken cancellation = default)
    {
        if (options is null)
            throw new ArgumentNullException(nameof(options));
        cancellation.ThrowIfCancellationRequested();
        return Describe(options, isWanted: false);
    }

    /// <summary>Describes an image and each one that it rests on, from the top down, each as soon as it is known.</summary>
    /// <exception cref="DiskImageException">
    /// While enumerating; also BackingFileMissing, BackingFileRefused and BackingChainLoop, after the links before them.
    /// </exception>
    /// <exception cref="OperationCanceledException">While enumerating: the work was cancelled.</exception>
    public static IEnumerable<ImageDescription> RunChain(
        DescribeImageOptions options,
        IProgress<OperationProgress>? progress = null,
        ILogger? logger = null,
        CancellationToken cancellation = default)
    {
        if (options is null)
            throw new ArgumentNullException(nameof(options));
        return DescribeChain(options, cancellation);
    }

    /// <summary>Describes an image for an operation that goes on, or has come to its end.</summary>
    internal static ImageDescription Of(string path, string? format = null, RawFallback rawFallback = RawFallback.Anything)
        => Describe(new DescribeImageOptions { Path = path, SourceFormat = format, RawFallback = rawFallback }, isWanted: false);

    /// <summary>Describes an image that is open, but for who has it in use.</summary>
    internal static ImageDescription Of(DiskImage image, HostFile file, bool isWanted)
    {
        ImageDetails details = image.Details;
        ImageFormat known = FormatRegistry.ByName(image.Format);
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
        };
    }

    private static IEnumerable<ImageDescription> DescribeChain(DescribeImageOptions options, CancellationToken cancellation)
    {
        var seen = new HashSet<FileIdentity>();
        DescribeImageOptions? next = options;
        string? namedBy = null;
        while (next is not null)
        {
            cancellation.ThrowIfCancellationRequested();
            ImageDescription link = DescribeLink(next, namedBy, seen);
            yield return link;
            namedBy = link.Path;
            // Refused names are described without a path; resolving one again says why.
            next = link.BackingPath is { } name
                ? new DescribeImageOptions { Path = link.BackingFullPath ?? BackingNames.Resolve(name, link.Path), SourceFormat = link.BackingFormat }
                : null;
        }
    }

    private static ImageDescription Describe(DescribeImageOptions options, bool isWanted)
    {
        var how = new ChainOptions
        {
            Format = options.SourceFormat,
            RawFallback = options.RawFallback,
            Access = StorageAccess.Peek,
            Image = ImageOpenOptions.DescribeOnly,
        };
        using DiskImage image = ImageChain.OpenLink(options.Path, how, out HostFile file);
        bool? isInUse = file.IsInUse();
        return Of(image, file, isWanted) with { InUse = isInUse, InUseBy = isInUse == true ? LockHolder.Describe(options.Path) : null };
    }

    private static ImageDescription DescribeLink(DescribeImageOptions options, string? namedBy, HashSet<FileIdentity> seen)
    {
        ImageChain.RequireFreshLink(options.Path, namedBy, seen);
        if (FileIdentity.Of(options.Path) is { } identity)
            seen.Add(identity);
        try
        {
            return Describe(options, isWanted: true);
        }
        catch (DiskImageException error) when (error.Kind == ErrorKind.ImageNotFound && namedBy is not null)
        {
            throw new DiskImageException(ErrorKind.BackingFileMissing, $"the backing file '{options.Path}' does not exist", namedBy, error);
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
