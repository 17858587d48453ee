using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Qed.Formats.Vhdx;

namespace Qed.Tests.Fuzzing.Anatomy;

/// <summary>MS-VHDX.</summary>
internal sealed class VhdxAnatomy : FormatAnatomy
{
    private const int KiB = 1024;
    private const int HeaderSize = 4 * KiB;
    private const int RegionTableSize = 64 * KiB;
    private const int LargestEntry = 1024 * KiB;

    private static readonly Guid BlockTable = new("2dc27766-f623-4200-9d64-115e9bfd4a08");
    private static readonly Guid Metadata = new("8b7ca206-4790-4b9a-b8fe-575f050f886e");
    private static readonly Guid ParentLocator = new("a8d35f2d-b30b-454d-abf7-d3d84834ab0c");

    internal override void Seal(Span<byte> bytes, List<(int Offset, int Length)> changed)
    {
        foreach (int header in new[] { 64 * KiB, 128 * KiB })
            Seal(bytes, header, HeaderSize, "head"u8, changed);
        foreach (int table in new[] { 192 * KiB, 256 * KiB })
            Seal(bytes, table, RegionTableSize, "regi"u8, changed);
        // The log's place is where a writer puts it: the second megabyte.
        for (int entry = 1024 * KiB; entry + HeaderSize <= Math.Min(bytes.Length, 2048 * KiB); entry += HeaderSize)
        {
            int length = BinaryPrimitives.ReadInt32LittleEndian(bytes.Slice(entry + 8));
            if (length is >= HeaderSize and <= LargestEntry)
                Seal(bytes, entry, length, "loge"u8, changed);
        }
    }

    protected override void Find(Findings findings)
    {
        findings.Structure(0, 512, ("signature", 0, 8));
        foreach (int header in new[] { 64 * KiB, 128 * KiB })
        {
            findings.Structure(
                header,
                HeaderSize,
                ("signature", 0, 4),
                ("checksum", 4, 4),
                ("SequenceNumber", 8, 8),
                ("FileWriteGuid", 16, 8),
                ("DataWriteGuid", 32, 8),
                ("LogGuid", 48, 8),
                ("LogVersion", 64, 2),
                ("Version", 66, 2),
                ("LogLength", 68, 4),
                ("LogOffset", 72, 8));
        }

        foreach (int table in new[] { 192 * KiB, 256 * KiB })
        {
            findings.Structure(table, 1024, ("signature", 0, 4), ("checksum", 4, 4), ("EntryCount", 8, 4));
            for (int i = 0; i < findings.At(table + 8, 4); i++)
                FindRegion(findings, table + 16 + (32 * i), isFirst: table == 192 * KiB);
        }

        FindLog(findings);
    }

    private static void FindRegion(Findings findings, int entry, bool isFirst)
    {
        findings.Structure(entry, 32, ("region Guid", 0, 8), ("region FileOffset", 16, 8), ("region Length", 24, 4), ("region Required", 28, 4));
        var id = new Guid(findings.Bytes.AsSpan(entry, 16));
        long offset = findings.At(entry + 16, 8);
        if (!isFirst)
            return;
        if (id == BlockTable)
            findings.Table("BAT", offset, 64, 8);
        else if (id == Metadata)
            FindMetadata(findings, offset);
    }

    private static void FindMetadata(Findings findings, long table)
    {
        findings.Structure(table, 32, ("signature", 0, 8), ("EntryCount", 10, 2));
        for (int i = 0; i < findings.At(table + 10, 2); i++)
        {
            long entry = table + 32 + (32 * i);
            findings.Structure(entry, 32, ("item ItemId", 0, 8), ("item Offset", 16, 4), ("item Length", 20, 4), ("item flags", 24, 4));
            long item = table + findings.At(entry + 16, 4);
            long length = findings.At(entry + 20, 4);
            if (new Guid(findings.Bytes.AsSpan((int)entry, 16)) == ParentLocator)
                FindLocator(findings, item);
            else if (length is 4 or 8)
                findings.Structure(item, (int)length, ($"item {i} value", 0, 4), ($"item {i} rest", (int)length - 4, 4));
        }
    }

    private static void FindLocator(Findings findings, long locator)
    {
        findings.Structure(locator, 20, ("LocatorType", 0, 8), ("KeyValueCount", 18, 2));
        for (int i = 0; i < findings.At(locator + 18, 2); i++)
        {
            long entry = locator + 20 + (12 * i);
            findings.Structure(entry, 12, ("KeyOffset", 0, 4), ("ValueOffset", 4, 4), ("KeyLength", 8, 2), ("ValueLength", 10, 2));
            findings.Text(locator + findings.At(entry, 4), findings.At(entry + 8, 2), TextKind.WideName);
            findings.Text(locator + findings.At(entry + 4, 4), findings.At(entry + 10, 2), TextKind.WideName);
        }
    }

    private static void FindLog(Findings findings)
    {
        for (int entry = 1024 * KiB; entry < 1024 * KiB + (16 * HeaderSize); entry += HeaderSize)
        {
            if (findings.At(entry, 4) != BinaryPrimitives.ReadUInt32LittleEndian("loge"u8))
                continue;
            findings.Structure(
                entry,
                64,
                ("log checksum", 4, 4),
                ("EntryLength", 8, 4),
                ("Tail", 12, 4),
                ("SequenceNumber", 16, 8),
                ("DescriptorCount", 24, 4),
                ("LogGuid", 32, 8),
                ("FlushedFileOffset", 48, 8),
                ("LastFileOffset", 56, 8));
            for (int i = 0; i < findings.At(entry + 24, 4); i++)
                findings.Structure(entry + 64 + (32 * i), 32, ("descriptor signature", 0, 4), ("TrailingBytes", 4, 4), ("LeadingBytes or ZeroLength", 8, 8), ("FileOffset", 16, 8), ("SequenceNumber", 24, 8));
            findings.Structure(entry + HeaderSize, HeaderSize, ("data signature", 0, 4), ("SequenceHigh", 4, 4), ("SequenceLow", HeaderSize - 4, 4));
        }
    }

    private static void Seal(Span<byte> bytes, int offset, int length, ReadOnlySpan<byte> signature, List<(int Offset, int Length)> changed)
    {
        if (offset + length > bytes.Length || !bytes.Slice(offset).StartsWith(signature))
            return;
        VhdxChecksum.Set(bytes.Slice(offset, length));
        changed.Add((offset + 4, sizeof(uint)));
    }
}
