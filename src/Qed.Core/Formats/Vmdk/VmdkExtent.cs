using System;
using Qed.Images;

namespace Qed.Formats.Vmdk;

/// <summary>A piece of the guest's disk that is held in one way. Offsets count from the start of the extent.</summary>
internal abstract class VmdkExtent(long length)
{
    /// <summary>Bytes of the guest's disk.</summary>
    internal long Length { get; } = length;

    /// <summary>How the extent's grains lie in its file; null where places are no question.</summary>
    /// <param name="guestStart">Guest offset of the extent.</param>
    internal virtual BlockPlacement? PlacementFrom(long guestStart) => null;

    /// <summary>What the run at an offset is.</summary>
    /// <param name="offset">Below <see cref="Length"/>.</param>
    /// <param name="maximum">The longest run of interest, at least 1 and within the extent.</param>
    internal abstract ExtentRun Find(long offset, long maximum);

    /// <summary>As <see cref="Find"/>, for reading: holes of the host need no looking for.</summary>
    internal virtual ExtentRun FindToRead(long offset, long maximum) => Find(offset, maximum);

    /// <summary>Reads bytes of a run that is data.</summary>
    /// <param name="offset">Where the bytes start.</param>
    /// <param name="run">The run that starts there.</param>
    /// <param name="buffer">Filled whole; no longer than the run.</param>
    internal abstract void Read(long offset, ExtentRun run, Span<byte> buffer);
}
