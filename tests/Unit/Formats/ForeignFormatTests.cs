using System;
using System.IO;
using System.Linq;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Formats;

/// <summary>Files of formats that are not supported, which must not be copied as if they were raw disks.</summary>
public sealed class ForeignFormatTests : IDisposable
{
    private const int Length = 1 << 20;

    private readonly TempFolder _folder = new();

    public static TheoryData<string, int, byte[]> Signatures { get; } = new()
    {
        { "Parallels", 0, [.. "WithoutFreeSpace"u8] },
        { "Parallels", 0, [.. "WithouFreSpacExt"u8] },
        { "Bochs", 0, [.. "Bochs Virtual HD Image"u8] },
        { "cloop", 0, [.. "#!/bin/sh\n#V2.0 Format\nmodprobe cloop file=$0"u8] },
        { "Apple", Length - 512, [.. "koly"u8, 0, 0, 0, 4, 0, 0, 2, 0] },
        { "EnCase", 0, [.. "EVF"u8, 0x09, 0x0d, 0x0a, 0xff, 0x00] },
        { "logical EnCase", 0, [.. "LVF"u8, 0x09, 0x0d, 0x0a, 0xff, 0x00] },
        { "AFF image", 0, [.. "AFF10\r\n"u8, 0x00] },
        { "AFF4", 0, [.. "PK"u8, 0x03, 0x04, .. new byte[26], .. "container.description"u8] },
        { "ASIF", 0, [.. "shdw"u8, 0, 0, 0, 1, 0, 0, 2, 0] },
        { "Apple sparse image", 0, [.. "sprs"u8, 0, 0, 0, 3] },
        { "Android", 0, [0x3a, 0xff, 0x26, 0xed] },
        { "WIM", 0, [.. "MSWIM"u8, 0, 0, 0] },
        { "Ghost", 0, [0xfe, 0xef, 0x01] },
        { "Acronis", 0, [0xb4, 0x6e, 0x68, 0x44] },
        { "Proxmox", 0, [.. "VMA"u8, 0, 0, 0, 0, 1] },
        { "Ceph", 0, [.. "rbd diff v1\n"u8] },
        { "Partclone", 0, [.. "partclone-image"u8] },
        { "Partimage", 0, [.. "PaRtImAgE-VoLuMe"u8] },
        { "CHD", 0, [.. "MComprHD"u8] },
        { "lz4", 0, [0x04, 0x22, 0x4d, 0x18] },
        { "RAR", 0, [.. "Rar!"u8, 0x1a, 0x07] },
        { "cabinet", 0, [.. "MSCF"u8, 0, 0, 0, 0] },
        { "gzip", 0, [0x1f, 0x8b, 0x08] },
        { "xz", 0, [0xfd, .. "7zXZ"u8, 0x00] },
        { "bzip2", 0, [.. "BZh6"u8, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59] },
        { "Zstandard", 0, [0x28, 0xb5, 0x2f, 0xfd] },
        { "7-Zip", 0, [.. "7z"u8, 0xbc, 0xaf, 0x27, 0x1c] },
        { "Zip", 0, [.. "PK"u8, 0x03, 0x04] },
        { "tar", 257, [.. "ustar"u8] },
    };

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Signatures))]
    public void Is_refused_by_name_and_read_as_raw_when_told_so(string name, int offset, byte[] signature)
    {
        byte[] file = new byte[Length];
        signature.CopyTo(file, offset);
        File.WriteAllBytes(_folder["disk.img"], file);
        DiskImageException error = Fails.With(ErrorKind.UnsupportedFeature, name, () => OpenImage.ForReading(_folder["disk.img"]).Dispose());
        Assert.Equal((RemedyKind.SayFormat, "raw"), (error.Remedy!.Next!.Kind, error.Remedy.Next.Subject));
        ConvertImage.Run(new ConvertImageOptions { Path = _folder["disk.img"], SourceFormat = "raw", DestinationPath = _folder["copy.raw"] });
        Assert.Equal(file, File.ReadAllBytes(_folder["copy.raw"]));
    }

    [Fact]
    public void An_Apple_image_of_packed_blocks_is_one_and_not_the_packed_file_that_it_starts_like()
    {
        byte[] file = [.. "BZh9"u8, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, .. new byte[1014], .. "koly"u8, 0, 0, 0, 4, 0, 0, 2, 0, .. new byte[500]];
        File.WriteAllBytes(_folder["disk.dmg"], file);
        Fails.With(ErrorKind.UnsupportedFeature, "Apple", () => OpenImage.ForReading(_folder["disk.dmg"]).Dispose());
    }

    [Fact]
    public void A_raw_disk_that_only_resembles_one_stays_raw()
    {
        byte[][] starts = [[.. "BZh"u8], [0, 0, 0, 0, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59], [.. "LUKS"u8, 0xba, 0xbe], [.. "#!/bin/sh\n"u8], [0x1f, 0x8b]];
        foreach (byte[] file in starts.Append([.. new byte[512], .. "koly"u8, .. new byte[508]]))
        {
            File.WriteAllBytes(_folder["disk.img"], file);
            Assert.Equal("raw", Describe.Of(_folder["disk.img"]).Format);
        }
    }
}
