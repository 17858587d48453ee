using System;

namespace Qed.Formats.Vmdk;

/// <summary>Flags of a sparse extent's header. Of the upper sixteen bits a reader must know all that are set.</summary>
[Flags]
internal enum SparseFlags : uint
{
    None = 0,

    /// <summary>The newline bytes of the header show damage by a transfer as text.</summary>
    NewLineTest = 1,

    /// <summary>There is a second, redundant grain directory with tables of its own.</summary>
    RedundantDirectory = 2,

    /// <summary>The table entry 1 stands for a grain of zeroes.</summary>
    ZeroGrains = 4,

    /// <summary>Grains are compressed.</summary>
    Compressed = 0x10000,

    /// <summary>Every grain and table is preceded by a marker.</summary>
    Markers = 0x20000,
}
