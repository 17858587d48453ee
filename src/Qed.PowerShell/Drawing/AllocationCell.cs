
namespace Qed.PowerShell.Drawing;

/// <summary>What a part of a disk consists of, in bytes.</summary>
internal struct AllocationCell
{
    /// <summary>Data that the image itself holds.</summary>
    internal ulong Own;

    /// <summary>Data that an image below holds.</summary>
    internal ulong Backing;

    /// <summary>Zeroes that an image says are there.</summary>
    internal ulong Zero;

    /// <summary>What no image says anything of.</summary>
    internal ulong Unallocated;

    /// <summary>Places where data does not go on where the data before it ended.</summary>
    internal long Breaks;

    /// <summary>Whether a check has found something wrong here.</summary>
    internal bool IsDamaged;

    /// <summary>What is drawn of it: damage before all else, else what most of it is, data before what is none.</summary>
    internal readonly AllocationLook Look
        => IsDamaged ? AllocationLook.Damage
            : Own + Backing == 0 ? (Zero > 0 ? AllocationLook.Zero : AllocationLook.Unallocated)
            : Backing > Own ? AllocationLook.Backing
            : Breaks > 1 ? AllocationLook.Fragmented
            : Own < Zero + Unallocated ? AllocationLook.Part
            : AllocationLook.Data;

    internal void Add(ExtentKind kind, int depth, ulong bytes)
    {
        switch (kind)
        {
            case ExtentKind.Data when depth == 0:
                Own += bytes;
                break;
            case ExtentKind.Data:
                Backing += bytes;
                break;
            case ExtentKind.Zero:
                Zero += bytes;
                break;
            default:
                Unallocated += bytes;
                break;
        }
    }

    internal void Add(AllocationCell other)
    {
        Own += other.Own;
        Backing += other.Backing;
        Zero += other.Zero;
        Unallocated += other.Unallocated;
        Breaks += other.Breaks;
        IsDamaged |= other.IsDamaged;
    }
}
