using System;
using System.Threading;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Formats;
using Qed.Images;
using Qed.Targets;

namespace Qed.Operations;

/// <summary>
/// Tells what would be in the way of an operation, so that nobody is asked about, or promised, what would then be refused.
/// Headers and names are looked at, nothing is changed; what only the work itself can find is not foreseen.
/// </summary>
public static class Foresight
{
    /// <summary>Throws what creating an image would.</summary>
    /// <exception cref="DiskImageException">As <see cref="CreateImage.Run"/>.</exception>
    public static void Of(CreateImageOptions options)
    {
        if (options is null)
            throw new ArgumentNullException(nameof(options));
        ImageFormat format = CreateImage.FormatOf(options);
        BackingReference? reference = options.WithoutOpeningBacking ? null : RequestedBacking.Named(options.BackingPath, options.BackingFormat);
        using RequestedBacking? backing = RequestedBacking.Open(reference, options.Path, NullLogger.Instance);
        CreateImage.SizeFor(options, format, backing?.Image);
        Destination.Foresee(options.Path, options.Force);
    }

    /// <summary>Throws what converting an image would.</summary>
    /// <exception cref="DiskImageException">As <see cref="ConvertImage.Run"/>.</exception>
    public static void Of(ConvertImageOptions options)
    {
        if (options is null)
            throw new ArgumentNullException(nameof(options));
        ConvertImage.TargetFormat(options);
        using ConvertSource source = ConvertSource.Open(options, NullLogger.Instance, CancellationToken.None);
        source.RefuseLink(options.DestinationPath);
        BackingReference? reference = RequestedBacking.Named(options.BackingPath, options.BackingFormat);
        RequestedBacking.Open(reference, options.DestinationPath, NullLogger.Instance)?.Dispose();
        Destination.Foresee(options.DestinationPath, options.Force);
    }

    /// <summary>Throws what resizing an image would.</summary>
    /// <returns>The image as it is.</returns>
    /// <exception cref="DiskImageException">As <see cref="ResizeImage.Run"/>.</exception>
    public static ImageDescription Of(ResizeImageOptions options)
    {
        if (options is null)
            throw new ArgumentNullException(nameof(options));
        ImageForChange.RequireQed(options.Path);
        ImageDescription image = DescribeImage.Of(options.Path);
        ResizeImage.RequireAllowed(options, image.Size);
        return image;
    }

    /// <summary>Throws what merging an image would.</summary>
    /// <exception cref="DiskImageException">As <see cref="MergeImage.Run"/>.</exception>
    public static void Of(MergeImageOptions options) => MergeImage.Foresee(options, NullLogger.Instance, CancellationToken.None);

    /// <summary>Throws what another change of an image where it lies would.</summary>
    /// <param name="path">The image's file.</param>
    /// <exception cref="DiskImageException">The file cannot be read, or is not of a format that is changed in place.</exception>
    public static void OfChanging(string path) => ImageForChange.RequireQed(path);
}
