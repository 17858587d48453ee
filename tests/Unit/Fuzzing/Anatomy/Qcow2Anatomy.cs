using System;

namespace Qed.Tests.Fuzzing.Anatomy;

/// <summary>docs/interop/qcow2.txt of QEMU.</summary>
internal sealed class Qcow2Anatomy : FormatAnatomy
{
    private const long OffsetMask = 0x00fffffffffffe00;
    private const uint BackingFormat = 0xe2792aca;
    private const uint Bitmaps = 0x23852875;

    protected override bool IsBigEndian => true;

    protected override void Find(Findings findings)
    {
        findings.Structure(
            0,
            72,
            ("magic", 0, 4),
            ("version", 4, 4),
            ("backing_file_offset", 8, 8),
            ("backing_file_size", 16, 4),
            ("cluster_bits", 20, 4),
            ("size", 24, 8),
            ("crypt_method", 32, 4),
            ("l1_size", 36, 4),
            ("l1_table_offset", 40, 8),
            ("refcount_table_offset", 48, 8),
            ("refcount_table_clusters", 56, 4),
            ("nb_snapshots", 60, 4),
            ("snapshots_offset", 64, 8));
        findings.Text(findings.At(8, 8), findings.At(16, 4), TextKind.Name);
        if (findings.At(4, 4) >= 3)
            FindVersion3(findings);
        int bits = (int)findings.At(20, 4);
        bool isExtended = findings.At(4, 4) >= 3 && (findings.At(72, 8) & 16) != 0;
        FindTables(findings, findings.At(40, 8), findings.At(36, 4), bits, isExtended ? 16 : 8);
        FindRefcounts(findings, bits);
        FindSnapshots(findings, bits);
    }

    private static void FindVersion3(Findings findings)
    {
        findings.Structure(
            72,
            40,
            ("incompatible_features", 0, 8),
            ("compatible_features", 8, 8),
            ("autoclear_features", 16, 8),
            ("refcount_order", 24, 4),
            ("header_length", 28, 4),
            ("compression_type", 32, 1));
        long offset = Math.Max(findings.At(100, 4), 104);
        for (int i = 0; i < 10; i++)
        {
            (long type, long length) = (findings.At(offset, 4), findings.At(offset + 4, 4));
            findings.Structure(offset, 8, ($"extension {i} type", 0, 4), ($"extension {i} length", 4, 4));
            if (type == BackingFormat)
                findings.Text(offset + 8, length, TextKind.Name);
            else if (type == Bitmaps)
                findings.Structure(offset + 8, 24, ("nb_bitmaps", 0, 4), ("bitmap_directory_size", 8, 8), ("bitmap_directory_offset", 16, 8));
            if (type == 0)
                break;
            offset += 8 + ((length + 7) & -8);
        }
    }

    private static void FindTables(Findings findings, long l1, long count, int bits, int entrySize)
    {
        findings.Table("L1", l1, count, 8);
        for (int i = 0; i < count; i++)
        {
            long l2 = findings.At(l1 + (i * 8), 8) & OffsetMask;
            if (l2 == 0)
                continue;
            findings.Table($"L2 of {i},", l2, (1L << bits) / 8, 8);
            // The first bytes of what is compressed, and of data.
            for (int k = 0; k < 4; k++)
            {
                long entry = findings.At(l2 + (k * entrySize), 8);
                if ((entry & (1L << 62)) != 0)
                    findings.Table($"compressed {k},", entry & ((1L << (62 - (bits - 8))) - 1), 4, 1);
            }
        }
    }

    private static void FindRefcounts(Findings findings, int bits)
    {
        long table = findings.At(48, 8);
        findings.Table("refcount table", table, (findings.At(56, 4) << bits) / 8, 8);
        findings.Table("refcount block", findings.At(table, 8) & OffsetMask, (1L << bits) / 2, 2);
    }

    private static void FindSnapshots(Findings findings, int bits)
    {
        long offset = findings.At(64, 8);
        for (long i = 0; i < findings.At(60, 4); i++)
        {
            findings.Structure(
                offset,
                40,
                ("snapshot l1_table_offset", 0, 8),
                ("snapshot l1_size", 8, 4),
                ("snapshot id_str_size", 12, 2),
                ("snapshot name_size", 14, 2),
                ("snapshot vm_state_size", 32, 4),
                ("snapshot extra_data_size", 36, 4));
            long texts = offset + 40 + findings.At(offset + 36, 4);
            findings.Text(texts, findings.At(offset + 12, 2) + findings.At(offset + 14, 2), TextKind.Name);
            FindTables(findings, findings.At(offset, 8), findings.At(offset + 8, 4), bits, 8);
            offset = (texts + findings.At(offset + 12, 2) + findings.At(offset + 14, 2) + 7) & -8;
        }
    }
}
