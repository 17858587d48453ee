namespace Qed.Formats.Vmdk;

/// <summary>How an extent holds its data.</summary>
internal enum DescriptorExtentType
{
    /// <summary>The guest's bytes as they are (FLAT, VMFS).</summary>
    Flat,

    /// <summary>Grains and tables (SPARSE).</summary>
    Sparse,

    /// <summary>No file: zeroes (ZERO).</summary>
    Zero,

    /// <summary>A kind that is refused by name when its data is needed.</summary>
    Unsupported,
}

/// <summary>One extent line of a descriptor.</summary>
/// <param name="Sectors">Sectors of the guest's disk; where there are none the line is of no account.</param>
/// <param name="Type">How it holds them.</param>
/// <param name="TypeName">The type as written.</param>
/// <param name="FileName">The file, an untrusted name; null for an extent without one.</param>
/// <param name="FirstSector">Where a flat extent starts in its file.</param>
internal sealed record DescriptorExtent(long Sectors, DescriptorExtentType Type, string TypeName, string? FileName, long FirstSector);
