namespace Qed.Formats.Vhdx;

/// <summary>The errors that structures of a VHDX file give rise to.</summary>
internal static class VhdxFault
{
    /// <summary>A rule of the format that a structure breaks.</summary>
    internal static DiskImageException Corrupt(string path, string rule, string structure, long? offset = null, ulong? value = null)
        => new(ErrorKind.ImageCorrupt, rule, path) { Structure = structure, Offset = offset, Value = value };

    /// <summary>Something that may be right, but is not understood and must not be ignored.</summary>
    internal static DiskImageException Unsupported(string path, string what, string structure, long? offset = null, ulong? value = null)
        => new(ErrorKind.UnsupportedFeature, what, path) { Structure = structure, Offset = offset, Value = value };
}
