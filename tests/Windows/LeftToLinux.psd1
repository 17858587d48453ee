# What is not tried again under Wine, and why: nothing is asked of the system there but the bytes of a file, and mostly not even those.
# Classes, whose names may have wildcards, and Pester files.
@{
    'crashes and calls that fail, by the thousand, on a disk in memory'       = @('Crashes.*', 'Checking.RepairCrashTests', 'Checking.RepairFaultTests', 'Checking.UndoJournalDamageTests', 'Operations.MergeCrashTests')
    'hostile files and tables, by the thousand'                               = @('Fuzzing.*', 'Checking.CorruptionMatrixTests', 'Checking.FaultPairTests', 'Checking.RandomDamageTests', 'Checking.RepairLimitsTests', 'Formats.Qcow2.Qcow2HostileTests', 'Formats.Vhdx.VhdxRuleTests')
    'a rule or a model is tried by the thousand'                              = @('Compaction.CompactionTests', 'Formats.AnyStorageTests', 'Formats.DeflateTests', 'Operations.MergeModelTests')
    'every format into every other one is done, and read by QEMU, at the end' = @('Interop.ConversionMatrixTests')
    'they look at sources, assemblies and pages, which are the same'          = @('Architecture.*', 'Help')
}
