namespace Qed.Tests.Fuzzing.Anatomy;

/// <summary>docs/interop/qed_spec.txt of QEMU.</summary>
internal sealed class QedAnatomy : FormatAnatomy
{
    protected override void Find(Findings findings)
    {
        findings.Structure(
            0,
            64,
            ("magic", 0, 4),
            ("cluster_size", 4, 4),
            ("table_size", 8, 4),
            ("header_size", 12, 4),
            ("features", 16, 8),
            ("compat_features", 24, 8),
            ("autoclear_features", 32, 8),
            ("l1_table_offset", 40, 8),
            ("image_size", 48, 8),
            ("backing_filename_offset", 56, 4),
            ("backing_filename_size", 60, 4));
        findings.Text(findings.At(56, 4), findings.At(60, 4), TextKind.Name);
        long entries = findings.At(4, 4) * findings.At(8, 4) / 8;
        long l1 = findings.At(40, 8);
        findings.Table("L1", l1, entries, 8);
        for (int i = 0; i < entries; i++)
        {
            if (findings.At(l1 + (i * 8), 8) is not 0 and var l2)
                findings.Table($"L2 of {i},", l2, entries, 8);
        }
    }
}
