using System;

namespace Qed.Formats.Qcow2;

/// <summary>Features without which an image cannot be read right.</summary>
[Flags]
internal enum IncompatibleFeatures : ulong
{
    None = 0,

    /// <summary>Not closed cleanly: reference counts may be wrong, which readers do not use.</summary>
    Dirty = 1,

    /// <summary>A program found the image damaged; it must not be written.</summary>
    Corrupt = 2,

    /// <summary>The guest's data lies in another file.</summary>
    ExternalData = 4,

    /// <summary>Compressed clusters are not deflate.</summary>
    CompressionType = 8,

    /// <summary>L2 entries have 16 bytes and divide clusters into 32 parts.</summary>
    ExtendedL2 = 16,

    Known = Dirty | Corrupt | ExternalData | CompressionType | ExtendedL2,
}

/// <summary>Features that readers may pass over.</summary>
[Flags]
internal enum CompatibleFeatures : ulong
{
    None = 0,
    LazyRefcounts = 1,
}

/// <summary>Features whose bits a writer that does not know them has to clear.</summary>
[Flags]
internal enum AutoclearFeatures : ulong
{
    None = 0,
    Bitmaps = 1,

    /// <summary>The external data file is a raw image of its own.</summary>
    RawExternalData = 2,
}
