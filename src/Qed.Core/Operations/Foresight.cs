using System;
using System.Threading;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Chains;
using Qed.Formats;
using Qed.Images;
using Qed.Storage;
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
        using DiskImage? backing = options.WithoutOpeningBacking ? null : OpenBacking(options.BackingPath, options.BackingFormat, options.Path);
        CreateImage.SizeFor(options, format, backing);
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
        using DiskImage? backing = OpenBacking(options.BackingPath, options.BackingFormat, options.DestinationPath);
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
        ImageDescription image = DescribeImage.Run(options.Path);
        ResizeImage.RequireAllowed(options, image.Size);
        return image;
    }

    /// <summary>Throws what another change of an image where it lies would.</summary>
    /// <param name="path">The image's file.</param>
    /// <exception cref="DiskImageException">The file cannot be read, or is not of a format that is changed in place.</exception>
    public static void OfChanging(string path) => ImageForChange.RequireQed(path);

    private static DiskImage? OpenBacking(string? name, string? format, string overlay)
        => name is null ? null
            : ImageChain.OpenAsBacking(new BackingReference(name, format?.ToLowerInvariant()), overlay, FileIdentity.Of(overlay), NullLogger.Instance);
}
