using System;
using System.IO;
using System.Linq;

namespace Qed.Formats.Raw;

/// <summary>
/// By what a raw disk is known. It has no signature of its own, so any file could be one; but what a disk holds mostly has
/// one: partitions, or a file system.
/// </summary>
internal static class KnownContents
{
    /// <summary>File name endings that say "raw" where a file is read, beside those by which new raw images are known.</summary>
    private static readonly string[] FurtherExtensions = [".iso", ".udf", ".ima", ".vfd", ".flp", ".dsk"];

    private static readonly (long Offset, byte[] Bytes)[] Structures =
    [
        // The mark of boot sectors: partition tables, FAT, NTFS, exFAT.
        (510, [0x55, 0xaa]),
        (512, [.. "EFI PART"u8]),
        (4096, [.. "EFI PART"u8]),
        // The maps of Apple's older disks.
        (512, [(byte)'P', (byte)'M', 0, 0]),
        // ISO 9660 and UDF, whose descriptors start 32 KiB into the disk.
        (Iso9660Offset, [.. "CD001"u8]),
        (Iso9660Offset, [.. "BEA01"u8]),
        // ext2, ext3, ext4.
        (1080, [0x53, 0xef]),
        (0, [.. "XFSB"u8]),
        (65600, [.. "_BHRfS_M"u8]),
        (1024, [0x10, 0x20, 0xf5, 0xf2]),
        (1024, [0xe2, 0xe1, 0xf5, 0xe0]),
        (0, [.. "hsqs"u8]),
        (32768, [.. "JFS1"u8]),
        (65588, [.. "ReIsEr"u8]),
        (3, [.. "ReFS"u8]),
        // HFS, HFS+ and APFS.
        (1024, [(byte)'H', (byte)'+', 0, 4]),
        (1024, [(byte)'H', (byte)'X', 0, 5]),
        (32, [.. "NXSB"u8]),
        // Volumes that hold others: LUKS, LVM, Linux RAID, swap space.
        (0, [.. "LUKS"u8, 0xba, 0xbe]),
        (512, [.. "LABELONE"u8]),
        (4096, [0xfc, 0x4e, 0x2b, 0xa9]),
        (4086, [.. "SWAPSPACE2"u8]),
    ];

    /// <summary>Where an ISO 9660 file system has its signature.</summary>
    internal const long Iso9660Offset = 32769;

    /// <summary>Whether a file has the signature of an ISO 9660 file system.</summary>
    internal static bool IsIso9660(FileProbe probe) => probe.Has(Iso9660Offset, "CD001"u8);

    /// <summary>Whether a file is a raw disk by its name or by what it holds.</summary>
    internal static bool AreIn(FileProbe probe, string path)
        => FurtherExtensions.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase)
            || Structures.Any(structure => probe.Has(structure.Offset, structure.Bytes));
}
