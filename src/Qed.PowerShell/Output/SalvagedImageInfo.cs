using System.Linq;
using Qed.Operations;

namespace Qed;

/// <summary>A disk image that was made from one of which not everything could be read.</summary>
public sealed class SalvagedImageInfo : ImageInfo
{
    internal SalvagedImageInfo(ConvertResult result)
        : base(result.Target)
    {
        UnreadableBytes = (ulong)result.UnreadableBytes;
        UnreadableRanges = result.UnreadableRanges.Select(range => new DiskRange(range)).ToArray();
    }

    /// <summary>Bytes of the source's disk that could not be read.</summary>
    public ulong UnreadableBytes { get; }

    /// <summary>Where these bytes are, in order. The image has zeroes there.</summary>
    public DiskRange[] UnreadableRanges { get; }
}
