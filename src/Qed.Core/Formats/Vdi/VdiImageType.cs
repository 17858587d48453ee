namespace Qed.Formats.Vdi;

/// <summary>The variants of a VDI image, by their numbers in the header.</summary>
internal enum VdiImageType : uint
{
    /// <summary>Grows with its data.</summary>
    Dynamic = 1,

    /// <summary>Holds every block from the start.</summary>
    Static = 2,

    /// <summary>Changes to another image that can be undone.</summary>
    Undo = 3,

    /// <summary>What differs from another image.</summary>
    Differencing = 4,
}
