using System;
using static Qed.Invariant;

namespace Qed.Units;

/// <summary>Checks sizes that a user asked for; each refusal names the nearest one that works.</summary>
internal static class RequestedSizes
{
    /// <summary>Throws unless a size is not negative and a multiple of something.</summary>
    /// <exception cref="DiskImageException">InvalidSize.</exception>
    internal static void RequireMultiple(long size, int granularity, string path)
    {
        if (size >= 0 && size % granularity == 0)
            return;
        long count = Math.Max(0, size / granularity) + (size > 0 ? 1 : 0);
        throw new DiskImageException(ErrorKind.InvalidSize, $"the image size must be a multiple of {Text(granularity)}, not {Text(size)}", path)
        {
            Remedy = Remedy.TakeNearest("size", count * granularity),
        };
    }

    /// <summary>Throws unless the size of an image's unit is a power of two in a range.</summary>
    /// <param name="size">The size asked for, in bytes.</param>
    /// <param name="least">The smallest that works, a power of two.</param>
    /// <param name="most">The largest that works, a power of two.</param>
    /// <param name="name">What the format calls it: "cluster size".</param>
    /// <param name="range">The range in words.</param>
    /// <param name="path">The image.</param>
    /// <exception cref="DiskImageException">InvalidGeometry.</exception>
    internal static void RequirePower(long size, long least, long most, string name, string range, string path)
    {
        long nearest = NearestPower(size, least, most);
        if (nearest == size)
            return;
        throw new DiskImageException(ErrorKind.InvalidGeometry, $"the {name} must be a power of two from {range}, not {Text(size)}", path)
        {
            Remedy = Remedy.TakeNearest(name, nearest),
        };
    }

    /// <summary>The power of two in a range that a value is nearest to.</summary>
    internal static long NearestPower(long value, long least, long most)
    {
        long power = least;
        while (power < most && power < value)
            power <<= 1;
        return power > least && power - value > value - (power >> 1) ? power >> 1 : power;
    }
}
