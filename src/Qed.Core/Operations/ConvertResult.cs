using System.Collections.Generic;
using System.Linq;

namespace Qed.Operations;

/// <summary>What a conversion has made.</summary>
public sealed record ConvertResult
{
    /// <summary>The target, as any other image would be described.</summary>
    /// <exception cref="System.InvalidOperationException">The target was a stream.</exception>
    public ImageDescription Target => File ?? throw new System.InvalidOperationException("The target was a stream.");

    /// <summary>The target where it is a file; null where it was a stream.</summary>
    internal ImageDescription? File { get; init; }

    /// <summary>
    /// The ranges of the source's disk that could not be read and are zeroes in the target, in order; empty unless that was
    /// allowed by <see cref="ConvertImageOptions.Salvage"/>.
    /// </summary>
    public IReadOnlyList<ByteRange> UnreadableRanges { get; init; } = [];

    /// <summary>Bytes of these ranges.</summary>
    public long UnreadableBytes => UnreadableRanges.Sum(range => range.Length);
}
