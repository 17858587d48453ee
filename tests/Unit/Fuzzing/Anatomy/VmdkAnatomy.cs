using System;

namespace Qed.Tests.Fuzzing.Anatomy;

/// <summary>VMware's Virtual Disk Format 5.0.</summary>
internal sealed class VmdkAnatomy : FormatAnatomy
{
    private const int Sector = 512;

    protected override void Find(Findings findings)
    {
        if (!findings.Bytes.AsSpan().StartsWith("KDMV"u8))
        {
            if (findings.Bytes.Length < 8192)
                findings.Text(0, findings.Bytes.Length, TextKind.Lines);
            return;
        }

        FindHeader(findings, 0);
        if (findings.At(56, 8) == -1)
        {
            FindHeader(findings, findings.Bytes.Length - 1024);
            FindGrains(findings);
        }

        findings.Text(findings.At(28, 8) * Sector, findings.At(36, 8) * Sector, TextKind.Lines);
    }

    private static void FindHeader(Findings findings, int offset)
    {
        findings.Structure(
            offset,
            Sector,
            ("magicNumber", 0, 4),
            ("version", 4, 4),
            ("flags", 8, 4),
            ("capacity", 12, 8),
            ("grainSize", 20, 8),
            ("descriptorOffset", 28, 8),
            ("descriptorSize", 36, 8),
            ("numGTEsPerGT", 44, 4),
            ("rgdOffset", 48, 8),
            ("gdOffset", 56, 8),
            ("overHead", 64, 8),
            ("uncleanShutdown", 72, 1),
            ("singleEndLineChar", 73, 1),
            ("doubleEndLineChar2", 76, 1),
            ("compressAlgorithm", 77, 2));
        foreach (int field in new[] { 48, 56 })
        {
            long directory = findings.At(offset + field, 8) * Sector;
            if (directory <= 0)
                continue;
            findings.Table("grain directory", directory, 4, 4);
            for (int i = 0; i < 2; i++)
            {
                if (findings.At(directory + (4 * i), 4) is not 0 and var table)
                    findings.Table($"grain table of {i},", table * Sector, 512, 4);
            }
        }
    }

    /// <summary>Grains and markers of a stream follow each other from the overhead on.</summary>
    private static void FindGrains(Findings findings)
    {
        long offset = findings.At(64, 8) * Sector;
        for (int i = 0; i < 40 && offset + Sector <= findings.Bytes.Length; i++)
        {
            long size = findings.At(offset + 8, 4);
            if (size > 0)
            {
                findings.Structure(offset, 16, ("grain lba", 0, 8), ("grain size", 8, 4), ("deflate", 12, 2));
                offset += (12 + size + Sector - 1) / Sector * Sector;
            }
            else
            {
                findings.Structure(offset, Sector, ("marker numSectors", 0, 8), ("marker size", 8, 4), ("marker type", 12, 4));
                offset += Sector * (1 + findings.At(offset, 8));
            }
        }
    }
}
