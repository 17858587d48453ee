namespace Qed.PowerShell.Drawing;

/// <summary>What one cell of a drawing shows.</summary>
internal enum AllocationLook
{
    /// <summary>No image says anything of it: it reads as zeroes and takes no space.</summary>
    Unallocated,

    /// <summary>Zeroes by the tables.</summary>
    Zero,

    /// <summary>Data, but less than half of the cell.</summary>
    Part,

    /// <summary>Data of the image itself.</summary>
    Data,

    /// <summary>Data of the image itself, in several pieces.</summary>
    Fragmented,

    /// <summary>Data of an image below.</summary>
    Backing,

    /// <summary>A check finds something wrong here.</summary>
    Damage,
}
