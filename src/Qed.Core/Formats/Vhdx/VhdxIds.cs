using System;

namespace Qed.Formats.Vhdx;

/// <summary>The identifiers that MS-VHDX gives regions, metadata items and kinds of parents.</summary>
internal static class VhdxIds
{
    internal static readonly Guid BlockTableRegion = new("2dc27766-f623-4200-9d64-115e9bfd4a08");
    internal static readonly Guid MetadataRegion = new("8b7ca206-4790-4b9a-b8fe-575f050f886e");

    internal static readonly Guid FileParameters = new("caa16737-fa36-4d43-b3b6-33f0aa44e76b");
    internal static readonly Guid VirtualDiskSize = new("2fa54224-cd1b-4876-b211-5dbed83bf4b8");
    internal static readonly Guid VirtualDiskId = new("beca12ab-b2e6-4523-93ef-c309e000c746");
    internal static readonly Guid LogicalSectorSize = new("8141bf1d-a96f-4709-ba47-f233a8faab5f");
    internal static readonly Guid PhysicalSectorSize = new("cda348c7-445d-4471-9cc9-e9885251c556");
    internal static readonly Guid ParentLocator = new("a8d35f2d-b30b-454d-abf7-d3d84834ab0c");

    internal static readonly Guid VhdxParent = new("b04aefb7-d19e-4a81-b789-25b8e9445913");

    /// <summary>Bytes in an identifier.</summary>
    internal const int Size = 16;

    internal static Guid Read(ReadOnlySpan<byte> bytes) => new(bytes.Slice(0, Size).ToArray());

    internal static void Write(Guid id, Span<byte> bytes) => id.ToByteArray().CopyTo(bytes);
}
