namespace Qed.Tests.Fuzzing.Anatomy;

/// <summary>VDICore.h of VirtualBox.</summary>
internal sealed class VdiAnatomy : FormatAnatomy
{
    protected override void Find(Findings findings)
    {
        findings.Structure(
            0,
            512,
            ("u32Signature", 64, 4),
            ("u32Version", 68, 4),
            ("cbHeader", 72, 4),
            ("u32Type", 76, 4),
            ("fFlags", 80, 4),
            ("offBlocks", 340, 4),
            ("offData", 344, 4),
            ("cSectors", 356, 4),
            ("cbSector", 360, 4),
            ("cbDisk", 368, 8),
            ("cbBlock", 376, 4),
            ("cbBlockExtra", 380, 4),
            ("cBlocks", 384, 4),
            ("cBlocksAllocated", 388, 4),
            ("uuidCreate", 392, 8),
            ("uuidLinkage", 424, 8),
            ("uuidParentModify", 440, 8));
        findings.Table("block map", findings.At(340, 4), findings.At(384, 4), 4);
    }
}
