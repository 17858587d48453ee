using System;

namespace Qed.Formats.Vhd;

/// <summary>Cylinders, heads and sectors of a track, which the oldest readers take for the size of the disk.</summary>
internal readonly record struct VhdGeometry(ushort Cylinders, byte Heads, byte SectorsPerTrack)
{
    private const int SectorSize = 512;
    private const long MostSectors = 65535L * 16 * 255;

    /// <summary>Sectors that the geometry can address.</summary>
    internal long Sectors => (long)Cylinders * Heads * SectorsPerTrack;

    /// <summary>Whether the disk may be larger than any geometry can say.</summary>
    internal bool IsLargest => Sectors == MostSectors;

    /// <summary>The geometry for a size, by the specification's appendix: at most as many sectors as the disk has.</summary>
    internal static VhdGeometry For(long diskSize)
    {
        long sectors = Math.Min(diskSize / SectorSize, MostSectors);
        if (sectors >= 65535L * 16 * 63)
            return Of(sectors, 16, 255);
        long tracks = sectors / 17;
        long heads = Math.Max(4, (tracks + 1023) / 1024);
        if (tracks < heads * 1024 && heads <= 16)
            return Of(sectors, (byte)heads, 17);
        return sectors / 31 < 16 * 1024 ? Of(sectors, 16, 31) : Of(sectors, 16, 63);
    }

    private static VhdGeometry Of(long sectors, byte heads, byte sectorsPerTrack)
        => new((ushort)(sectors / sectorsPerTrack / heads), heads, sectorsPerTrack);
}
