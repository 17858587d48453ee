using System;
using System.Buffers.Binary;

namespace Qed.Formats.Vhd;

/// <summary>Where a differencing disk keeps one of the names of its parent ("Parent Locator Entry").</summary>
/// <param name="Platform">How the name is written: see <see cref="VhdPlatform"/>.</param>
/// <param name="Space">Room for the name: sectors or bytes, depending on who wrote it.</param>
/// <param name="Length">Bytes of the name.</param>
/// <param name="Offset">Host offset of the name.</param>
internal readonly record struct VhdParentLocator(VhdPlatform Platform, uint Space, uint Length, long Offset)
{
    internal const int Size = 24;

    internal static VhdParentLocator Read(ReadOnlySpan<byte> bytes) => new(
        (VhdPlatform)BinaryPrimitives.ReadUInt32BigEndian(bytes),
        BinaryPrimitives.ReadUInt32BigEndian(bytes.Slice(4)),
        BinaryPrimitives.ReadUInt32BigEndian(bytes.Slice(8)),
        BinaryPrimitives.ReadInt64BigEndian(bytes.Slice(16)));

    internal void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt32BigEndian(bytes, (uint)Platform);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.Slice(4), Space);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.Slice(8), Length);
        BinaryPrimitives.WriteInt64BigEndian(bytes.Slice(16), Offset);
    }
}

/// <summary>Platform codes of parent locators: four characters.</summary>
internal enum VhdPlatform : uint
{
    None = 0,

    /// <summary>"W2ru": relative to the image's folder, UTF-16LE.</summary>
    WindowsRelative = 0x57327275,

    /// <summary>"W2ku": absolute, UTF-16LE.</summary>
    WindowsAbsolute = 0x57326b75,

    /// <summary>"Wi2r": deprecated, relative, one byte a character.</summary>
    OldWindowsRelative = 0x57693272,

    /// <summary>"Wi2k": deprecated, absolute, one byte a character.</summary>
    OldWindowsAbsolute = 0x5769326b,

    /// <summary>"MacX": a file URL in UTF-8.</summary>
    MacUrl = 0x4d616358,
}
