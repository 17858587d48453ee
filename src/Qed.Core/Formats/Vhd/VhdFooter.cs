using System;
using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Qed.Formats.Vhd;

/// <summary>
/// The footer of a VHD ("Hard Disk Footer Format"): the last 512 bytes of the file, and once more its first ones unless
/// the disk is fixed. Numbers are big-endian.
/// </summary>
internal sealed record VhdFooter
{
    /// <summary>The short name of the format.</summary>
    internal const string FormatName = "vhd";

    internal const int Size = 512;

    /// <summary>What the oldest versions of Virtual PC wrote: the last byte, which is reserved, is missing.</summary>
    internal const int ShortSize = 511;

    internal const int SectorSize = 512;

    /// <summary>The data offset of a fixed disk, which has no further structure.</summary>
    internal const long NoOffset = -1;

    private const uint Version1 = 0x00010000;
    private const uint ReservedFeature = 2;
    private const uint TemporaryFeature = 1;
    private const int ChecksumOffset = 64;
    private const int CurrentSizeOffset = 48;
    private const int TypeOffset = 60;
    // Windows 10: its creator is one whose current size every reader believes.
    private const string TrustedCreator = "win ";
    private const uint TrustedCreatorVersion = 0x000a0000;
    private const string WindowsHost = "Wi2k";

    private static readonly DateTime Epoch = new(2000, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    internal required VhdDiskType Type { get; init; }

    /// <summary>Host offset of the dynamic disk header; all ones for a fixed disk.</summary>
    internal required long DataOffset { get; init; }

    internal required long CurrentSize { get; init; }

    /// <summary>Identifies the disk to those that rest on it.</summary>
    internal required Guid UniqueId { get; init; }

    internal required uint TimeStamp { get; init; }

    internal VhdGeometry Geometry { get; init; }

    /// <summary>Who wrote it, four characters.</summary>
    internal string Creator { get; init; } = TrustedCreator;

    /// <summary>Whether a suspended machine counts on the disk's present state.</summary>
    internal bool IsSavedState { get; init; }

    /// <summary>Whether the disk was to be deleted with its machine.</summary>
    internal bool IsTemporary { get; init; }

    /// <summary>
    /// Bytes of the guest's disk. Virtual PC and old versions of QEMU meant the geometry, and rounded the size up; those
    /// who came later mean the size, and so does everybody where the geometry is the largest there is.
    /// </summary>
    internal long DiskSize
        => Creator is "vpc " or "qemu" && Geometry.Sectors > 0 && !Geometry.IsLargest ? Geometry.Sectors * SectorSize : CurrentSize;

    private static ReadOnlySpan<byte> Cookie => "conectix"u8;

    /// <summary>Whether bytes start as a footer does.</summary>
    internal static bool HasCookie(ReadOnlySpan<byte> bytes) => bytes.StartsWith(Cookie);

    /// <summary>Whether bytes are a footer whose checksum is right.</summary>
    /// <param name="bytes"><see cref="Size"/> or <see cref="ShortSize"/> bytes.</param>
    internal static bool IsValid(ReadOnlySpan<byte> bytes)
        => bytes.Length >= ShortSize && HasCookie(bytes) && VhdChecksum.Of(bytes, ChecksumOffset) == VhdChecksum.Stored(bytes, ChecksumOffset);

    /// <summary>The disk type that bytes with a valid checksum name, which may be none that exists.</summary>
    internal static VhdDiskType TypeOf(ReadOnlySpan<byte> bytes) => (VhdDiskType)BinaryPrimitives.ReadUInt32BigEndian(bytes.Slice(TypeOffset));

    /// <summary>The current size that bytes with a valid checksum name.</summary>
    internal static long CurrentSizeOf(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadInt64BigEndian(bytes.Slice(CurrentSizeOffset));

    /// <summary>Reads a footer whose checksum is right.</summary>
    /// <param name="bytes"><see cref="Size"/> or <see cref="ShortSize"/> bytes.</param>
    /// <param name="path">The file, for errors.</param>
    /// <param name="offset">Where the footer stands in it.</param>
    /// <exception cref="DiskImageException">UnsupportedFeature for another version or an unknown type; ImageCorrupt.</exception>
    internal static VhdFooter Read(ReadOnlySpan<byte> bytes, string path, long offset)
    {
        uint version = BinaryPrimitives.ReadUInt32BigEndian(bytes.Slice(12));
        if (version >> 16 != Version1 >> 16)
            throw Fault(ErrorKind.UnsupportedFeature, $"version {(version >> 16).ToString(CultureInfo.InvariantCulture)} of the format is not supported", path, offset + 12, version);
        VhdDiskType type = TypeOf(bytes);
        if (type is not (VhdDiskType.Fixed or VhdDiskType.Dynamic or VhdDiskType.Differencing))
            throw Fault(ErrorKind.UnsupportedFeature, "a disk that is neither fixed, dynamic nor differencing is not supported", path, offset + TypeOffset, (uint)type);
        uint features = BinaryPrimitives.ReadUInt32BigEndian(bytes.Slice(8));
        var footer = new VhdFooter
        {
            Type = type,
            DataOffset = BinaryPrimitives.ReadInt64BigEndian(bytes.Slice(16)),
            TimeStamp = BinaryPrimitives.ReadUInt32BigEndian(bytes.Slice(24)),
            Creator = Encoding.ASCII.GetString(bytes.Slice(28, 4).ToArray()),
            CurrentSize = CurrentSizeOf(bytes),
            Geometry = new VhdGeometry(BinaryPrimitives.ReadUInt16BigEndian(bytes.Slice(56)), bytes[58], bytes[59]),
            UniqueId = BigEndianGuid.Read(bytes.Slice(68)),
            IsSavedState = bytes[84] != 0,
            IsTemporary = (features & TemporaryFeature) != 0,
        };
        if (footer.DiskSize < 0)
            throw Fault(ErrorKind.ImageCorrupt, "the size of the disk is impossible", path, offset + CurrentSizeOffset, (ulong)footer.CurrentSize);
        return footer;
    }

    /// <summary>Writes the footer of a fresh image.</summary>
    /// <param name="bytes"><see cref="Size"/> bytes.</param>
    internal void Write(Span<byte> bytes)
    {
        bytes.Slice(0, Size).Clear();
        Cookie.CopyTo(bytes);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.Slice(8), ReservedFeature);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.Slice(12), Version1);
        BinaryPrimitives.WriteInt64BigEndian(bytes.Slice(16), DataOffset);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.Slice(24), TimeStamp);
        Encoding.ASCII.GetBytes(Creator).CopyTo(bytes.Slice(28));
        BinaryPrimitives.WriteUInt32BigEndian(bytes.Slice(32), TrustedCreatorVersion);
        Encoding.ASCII.GetBytes(WindowsHost).CopyTo(bytes.Slice(36));
        BinaryPrimitives.WriteInt64BigEndian(bytes.Slice(40), CurrentSize);
        BinaryPrimitives.WriteInt64BigEndian(bytes.Slice(CurrentSizeOffset), CurrentSize);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.Slice(56), Geometry.Cylinders);
        bytes[58] = Geometry.Heads;
        bytes[59] = Geometry.SectorsPerTrack;
        BinaryPrimitives.WriteUInt32BigEndian(bytes.Slice(TypeOffset), (uint)Type);
        BigEndianGuid.Write(bytes.Slice(68), UniqueId);
        VhdChecksum.Put(bytes.Slice(0, Size), ChecksumOffset);
    }

    /// <summary>A moment as the format counts it: seconds since the year 2000, UTC.</summary>
    internal static uint TimeStampOf(DateTime moment)
        => (uint)Math.Max(0, Math.Min(uint.MaxValue, (moment.ToUniversalTime() - Epoch).TotalSeconds));

    private static DiskImageException Fault(ErrorKind kind, string rule, string path, long offset, ulong value)
        => new(kind, rule, path) { Structure = "VHD footer", Offset = offset, Value = value };
}
