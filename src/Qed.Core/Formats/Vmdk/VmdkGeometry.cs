using System;

namespace Qed.Formats.Vmdk;

/// <summary>The geometry that VMware's SCSI adapters show for a disk.</summary>
/// <param name="Cylinders">Cylinders, at most 65535.</param>
/// <param name="Heads">Heads.</param>
/// <param name="Sectors">Sectors in a track.</param>
internal readonly record struct VmdkGeometry(long Cylinders, int Heads, int Sectors)
{
    private const long SectorsOfOneGiB = 1 << 21;
    private const long MostCylinders = 65535;

    /// <summary>The geometry of a disk of a number of sectors.</summary>
    internal static VmdkGeometry For(long sectors)
    {
        (int heads, int track) = sectors switch
        {
            < SectorsOfOneGiB => (64, 32),
            < 2 * SectorsOfOneGiB => (128, 32),
            _ => (255, 63),
        };
        return new VmdkGeometry(Math.Min(MostCylinders, Math.Max(1, sectors / (heads * track))), heads, track);
    }
}
