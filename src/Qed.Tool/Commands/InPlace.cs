using Qed.Operations;
using Qed.Tool.CommandLine;

namespace Qed.Tool.Commands;

/// <summary>The image that a command works on where it lies.</summary>
internal static class InPlace
{
    /// <summary>Describes the image, by the format that was named where one was.</summary>
    /// <param name="arguments">Where the format is named.</param>
    /// <param name="path">The image's file.</param>
    /// <param name="format">The format that the image has.</param>
    internal static ImageDescription Describe(ParsedArguments arguments, string path, out FormatInfo format)
    {
        ImageDescription image = DescribeImage.Run(new DescribeImageOptions { Path = path, SourceFormat = arguments.ValueOf(CommonOptions.Format) });
        format = FormatInfo.ByName(image.Format);
        return image;
    }

    /// <summary>Describes an image that is to be changed.</summary>
    /// <exception cref="DiskImageException">UnsupportedFeature for a format whose images are not changed in place.</exception>
    internal static ImageDescription RequireChangeable(ParsedArguments arguments, string path)
    {
        ImageDescription image = Describe(arguments, path, out FormatInfo format);
        return format.IsChangedInPlace ? image
            : throw new DiskImageException(ErrorKind.UnsupportedFeature, $"images of the format {format.QemuName} are not changed in place", path);
    }
}
