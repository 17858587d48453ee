using System;
using System.Buffers.Binary;
using System.IO;
using Qed.Operations;
using Qed.Tests.Support;

namespace Qed.Tests.Formats.Vhd;

/// <summary>Small valid VHDs, and checksums put right after tests have changed a field.</summary>
internal static class VhdBytes
{
    internal const int FooterChecksum = 64;
    internal const int HeaderChecksum = 36;

    internal static byte[] Make(byte[] disk, Subformat subformat)
    {
        using var folder = new TempFolder();
        File.WriteAllBytes(folder["disk.raw"], disk);
        ConvertImage.Run(new ConvertImageOptions { Path = folder["disk.raw"], SourceFormat = "raw", DestinationPath = folder["disk.vhd"], Subformat = subformat });
        return File.ReadAllBytes(folder["disk.vhd"]);
    }

    /// <summary>Puts the checksum of a structure right.</summary>
    internal static void Seal(Span<byte> structure, int checksumOffset)
    {
        BinaryPrimitives.WriteUInt32BigEndian(structure[checksumOffset..], 0);
        uint sum = 0;
        foreach (byte part in structure)
            sum += part;
        BinaryPrimitives.WriteUInt32BigEndian(structure[checksumOffset..], ~sum);
    }

    /// <summary>Changes the footer, its copy too where there is one, and puts the checksum right.</summary>
    internal static byte[] WithFooter(byte[] file, Action<Memory<byte>> change)
    {
        byte[] result = (byte[])file.Clone();
        Change(result.AsMemory(result.Length - 512, 512));
        if (result.AsSpan().StartsWith("conectix"u8))
            Change(result.AsMemory(0, 512));
        return result;

        void Change(Memory<byte> footer)
        {
            change(footer);
            Seal(footer.Span, FooterChecksum);
        }
    }

    /// <summary>Changes the dynamic disk header and puts its checksum right.</summary>
    internal static byte[] WithHeader(byte[] file, Action<Memory<byte>> change)
    {
        byte[] result = (byte[])file.Clone();
        change(result.AsMemory(512, 1024));
        Seal(result.AsSpan(512, 1024), HeaderChecksum);
        return result;
    }
}
