using Qed.Operations;

namespace Qed.Tests.Support;

/// <summary>What <see cref="DescribeImage"/> says of an image, for tests that look at many.</summary>
internal static class Describe
{
    internal static ImageDescription Of(string path, string? format = null, RawFallback rawFallback = RawFallback.Anything)
        => DescribeImage.Run(new DescribeImageOptions { Path = path, SourceFormat = format, RawFallback = rawFallback });
}
