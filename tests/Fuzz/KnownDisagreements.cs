namespace Qed.Tests.Fuzzing;

/// <summary>Where QEMU 7.2 reads a damaged image otherwise than the format's specification, or than we do, and why that is right.</summary>
internal static class KnownDisagreements
{
    /// <returns>Null where none is known.</returns>
    internal static string? ReasonFor(Mutant mutant, ReadOnlyTrial reading, byte[] theirs) => reading.Format.Name switch
    {
        "vmdk" when reading.Content.Length == theirs.Length => "the redundant tables of a VMDK are used where the others are damaged",
        "vhd" when reading.Content.Length == theirs.Length && mutant.Seed.Name != "fixed" => "QEMU passes over the sector bitmaps of a VHD",
        "vhd" => "QEMU takes a VHD's size from its geometry, or its footer from the file's start",
        "qcow2" or "vdi" when reading.Content.Length / 512 == theirs.Length / 512 || reading.Content.Length % 512 != 0 => "QEMU rounds sizes to sectors",
        _ => null,
    };
}
