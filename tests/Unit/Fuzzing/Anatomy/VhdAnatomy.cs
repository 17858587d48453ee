using System;
using System.Collections.Generic;
using Qed.Formats.Vhd;

namespace Qed.Tests.Fuzzing.Anatomy;

/// <summary>Microsoft's Virtual Hard Disk Image Format Specification.</summary>
internal sealed class VhdAnatomy : FormatAnatomy
{
    private const int Sector = 512;
    private const int FooterChecksum = 64;
    private const int HeaderSize = 1024;
    private const int HeaderChecksum = 36;

    protected override bool IsBigEndian => true;

    internal override void Seal(Span<byte> bytes, List<(int Offset, int Length)> changed)
    {
        foreach (int footer in new[] { 0, bytes.Length - Sector })
            Seal(bytes, footer, Sector, "conectix"u8, FooterChecksum, changed);
        Seal(bytes, Sector, HeaderSize, "cxsparse"u8, HeaderChecksum, changed);
    }

    protected override void Find(Findings findings)
    {
        FindFooter(findings, findings.Bytes.Length - Sector);
        if (findings.At(findings.Bytes.Length - Sector + 60, 4) == 2)
            return;
        FindFooter(findings, 0);
        findings.Structure(
            Sector,
            HeaderSize,
            ("cookie", 0, 8),
            ("data offset", 8, 8),
            ("table offset", 16, 8),
            ("header version", 24, 4),
            ("max table entries", 28, 4),
            ("block size", 32, 4),
            ("checksum", HeaderChecksum, 4),
            ("parent unique id", 40, 8),
            ("parent time stamp", 56, 4));
        for (int i = 0; i < 8; i++)
        {
            int locator = Sector + 576 + (i * 24);
            findings.Structure(locator, 24, ("platform code", 0, 4), ("data space", 4, 4), ("data length", 8, 4), ("platform data offset", 16, 8));
            findings.Text(findings.At(locator + 16, 8), findings.At(locator + 8, 4), TextKind.WideName);
        }

        findings.Text(Sector + 64, 512, TextKind.WideName);
        long table = findings.At(Sector + 16, 8);
        findings.Table("block table", table, findings.At(Sector + 28, 4), 4);
        for (int i = 0; i < findings.At(Sector + 28, 4); i++)
        {
            if (findings.At(table + (i * 4), 4) is not 0xffffffff and var block)
                findings.Table($"bitmap of {i},", block * Sector, 8, 4);
        }
    }

    private static void FindFooter(Findings findings, int offset) => findings.Structure(
        offset,
        Sector,
        ("cookie", 0, 8),
        ("features", 8, 4),
        ("file format version", 12, 4),
        ("data offset", 16, 8),
        ("creator application", 28, 4),
        ("original size", 40, 8),
        ("current size", 48, 8),
        ("cylinders", 56, 2),
        ("heads", 58, 1),
        ("sectors", 59, 1),
        ("disk type", 60, 4),
        ("checksum", FooterChecksum, 4),
        ("unique id", 68, 8),
        ("saved state", 84, 1));

    private static void Seal(Span<byte> bytes, int offset, int length, ReadOnlySpan<byte> cookie, int checksum, List<(int Offset, int Length)> changed)
    {
        if (offset < 0 || offset + length > bytes.Length || !bytes.Slice(offset).StartsWith(cookie))
            return;
        VhdChecksum.Put(bytes.Slice(offset, length), checksum);
        changed.Add((offset + checksum, sizeof(uint)));
    }
}
