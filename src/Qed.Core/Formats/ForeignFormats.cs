using System;

namespace Qed.Formats;

/// <summary>
/// Formats that are not supported but must not pass for raw disks: their tables or packed bytes would be copied as if a guest
/// had written them, and nobody would notice before the copy fails to boot.
/// </summary>
internal static class ForeignFormats
{
    private const string ConvertFirst = "'qemu-img convert -O qcow2' makes a qcow2 image of it.";
    private const string UnpackFirst = "Unpack it and give the image within.";
    private const string ExportFirst = "Export it as a raw image with the tool that made it.";

    // The trailer of an Apple disk image: signature, version 4, length 512.
    private static readonly byte[] AppleTrailer = [.. "koly"u8, 0, 0, 0, 4, 0, 0, 2, 0];

    private static readonly Signature[] Signatures =
    [
        new("a Parallels image", 0, [.. "WithoutFreeSpace"u8], ConvertFirst),
        new("a Parallels image", 0, [.. "WithouFreSpacExt"u8], ConvertFirst),
        new("a Bochs image", 0, [.. "Bochs Virtual HD Image"u8], ConvertFirst),
        new("a cloop image", 0, [.. "#!/bin/sh\n#V2.0 Format\nmodprobe cloop"u8], ConvertFirst),
        new("an EnCase (EWF) image", 0, [.. "EVF"u8, 0x09, 0x0d, 0x0a, 0xff, 0x00], ExportFirst),
        new("an EnCase (EWF) image", 0, [.. "EVF2"u8, 0x0d, 0x0a, 0x81, 0x00], ExportFirst),
        new("a logical EnCase (EWF) image", 0, [.. "LVF"u8, 0x09, 0x0d, 0x0a, 0xff, 0x00], ExportFirst),
        new("an AFF image", 0, [.. "AFF10\r\n"u8, 0x00], ExportFirst),
        new("an AFF4 image", 30, [.. "container.description"u8], ExportFirst) { Before = [.. "PK"u8, 0x03, 0x04] },
        new("an Apple sparse image (ASIF)", 0, [.. "shdw"u8, 0x00, 0x00, 0x00], ExportFirst),
        new("an Apple sparse image", 0, [.. "sprs"u8, 0x00, 0x00, 0x00], ExportFirst),
        new("an Android sparse image", 0, [0x3a, 0xff, 0x26, 0xed], "'simg2img' makes a raw image of it."),
        new("a Windows image (WIM)", 0, [.. "MSWIM"u8, 0x00, 0x00, 0x00], UnpackFirst),
        new("a Norton Ghost image", 0, [0xfe, 0xef, 0x01], ExportFirst),
        new("an Acronis backup", 0, [0xb4, 0x6e, 0x68, 0x44], ExportFirst),
        new("an Acronis backup", 0, [0xce, 0x24, 0xb9, 0xa2, 0x20, 0x00, 0x00, 0x00], ExportFirst),
        new("a Proxmox backup (VMA)", 0, [.. "VMA"u8, 0x00], "'vma extract' makes raw images of it."),
        new("a Ceph export", 0, [.. "rbd image v"u8], ExportFirst),
        new("a Ceph export", 0, [.. "rbd diff v"u8], ExportFirst),
        new("a Partclone image", 0, [.. "partclone-image"u8], "'partclone.restore' makes a raw image of it."),
        new("a Partimage image", 0, [.. "PaRtImAgE-VoLuMe"u8], ExportFirst),
        new("a compressed image of MAME (CHD)", 0, [.. "MComprHD"u8], ExportFirst),
        new("a compressed ISO image (CISO)", 0, [.. "CISO"u8, 0x18, 0x00, 0x00, 0x00], UnpackFirst),
        new("a gzip file", 0, [0x1f, 0x8b, 0x08], UnpackFirst),
        new("an xz file", 0, [0xfd, .. "7zXZ"u8, 0x00], UnpackFirst),
        new("a 7-Zip archive", 0, [.. "7z"u8, 0xbc, 0xaf, 0x27, 0x1c], UnpackFirst),
        new("a Zip archive", 0, [.. "PK"u8, 0x03, 0x04], UnpackFirst),
        new("an lz4 file", 0, [0x04, 0x22, 0x4d, 0x18], UnpackFirst),
        new("an lzip file", 0, [.. "LZIP"u8, 0x01], UnpackFirst),
        new("a RAR archive", 0, [.. "Rar!"u8, 0x1a, 0x07], UnpackFirst),
        new("a cabinet file", 0, [.. "MSCF"u8, 0x00, 0x00, 0x00, 0x00], UnpackFirst),
        new("a Zstandard file", 0, [0x28, 0xb5, 0x2f, 0xfd], UnpackFirst),
        // "BZh", the block size, which may be any digit, and the digits of pi that begin the first block.
        new("a bzip2 file", 4, [0x31, 0x41, 0x59, 0x26, 0x53, 0x59], UnpackFirst) { Before = [.. "BZh"u8] },
        // The container of OVA and XVA.
        new("a tar archive", 257, [.. "ustar"u8], UnpackFirst),
    ];

    /// <summary>Throws where a file has the signature of such a format.</summary>
    /// <exception cref="DiskImageException">UnsupportedFeature, naming the format.</exception>
    internal static void Refuse(FileProbe probe, string path)
    {
        // First: the packed blocks at such a file's start look like a file of their own.
        if (probe.End.StartsWith(AppleTrailer))
            throw Unsupported("an Apple disk image (DMG)", ConvertFirst, path);

        foreach (Signature signature in Signatures)
        {
            if (probe.StartHas(signature.Offset, signature.Bytes) && probe.StartHas(0, signature.Before))
                throw Unsupported(signature.Name, signature.Advice, path);
        }
    }

    private static DiskImageException Unsupported(string name, string advice, string path)
        => new(ErrorKind.UnsupportedFeature, $"this is {name}, a format that is not supported", path)
        {
            Remedy = Remedy.Advice(advice) with { Next = new(RemedyKind.SayFormat, "raw", "If its bytes really are those of a raw disk") },
        };

    /// <summary>Bytes by which a format is known.</summary>
    /// <param name="Name">What the file is, with its article.</param>
    /// <param name="Offset">Where in the file the bytes stand.</param>
    /// <param name="Bytes">The bytes.</param>
    /// <param name="Advice">What to do with such a file.</param>
    private sealed record Signature(string Name, int Offset, byte[] Bytes, string Advice)
    {
        /// <summary>Bytes that must also stand at the start of the file.</summary>
        internal byte[] Before { get; init; } = [];
    }
}
