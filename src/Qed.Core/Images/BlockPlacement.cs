using System;
using System.Collections.Generic;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Storage;
using Qed.Units;

namespace Qed.Images;

/// <summary>
/// How blocks of one size lie in a file beside the structures that lead to them, for whoever reads all of a disk and wants
/// to know whether each has its place for itself.
/// </summary>
internal class BlockPlacement
{
    /// <summary>The file, for messages.</summary>
    internal required string Path { get; init; }

    /// <summary>The guest offset of the first block.</summary>
    internal long GuestStart { get; init; }

    /// <summary>Bytes of the disk in these blocks; of the last one no more need be in the file.</summary>
    internal required long GuestLength { get; init; }

    /// <summary>Bytes of the disk in a block.</summary>
    internal required long BlockSize { get; init; }

    /// <summary>Bytes that belong to a block and stand before its data.</summary>
    internal long Lead { get; init; }

    /// <summary>What the distance of any two blocks is a multiple of, in bytes.</summary>
    internal required long Unit { get; init; }

    /// <summary>A place from which all blocks are a multiple of the unit away; not behind any of them.</summary>
    internal long Origin { get; init; }

    /// <summary>Receives a warning where places are not looked at.</summary>
    internal ILogger Logger { get; init; } = NullLogger.Instance;

    /// <summary>What lies in the file and is no block: headers and tables. Ranges that cannot be are left out; any may be there twice.</summary>
    internal required Func<IEnumerable<FileRange>> Structures { get; init; }

    /// <summary>
    /// For formats whose blocks can have a place and no data in it, which no extent tells: the first block from one on and
    /// before another that has a place, and the host offset of its data.
    /// </summary>
    internal Func<long, long, (long Block, long Host)?>? NextPlaced { get; init; }

    /// <summary>Whether the format says of a place that several blocks share it.</summary>
    internal Func<HostOffset, bool> IsShared { get; init; } = _ => false;
}
