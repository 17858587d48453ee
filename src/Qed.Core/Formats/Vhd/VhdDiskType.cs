namespace Qed.Formats.Vhd;

/// <summary>The variants of a VHD, by their numbers in the footer.</summary>
internal enum VhdDiskType : uint
{
    /// <summary>The guest's bytes, then the footer.</summary>
    Fixed = 2,

    /// <summary>Blocks, found through a table.</summary>
    Dynamic = 3,

    /// <summary>Blocks with what differs from a parent.</summary>
    Differencing = 4,
}
