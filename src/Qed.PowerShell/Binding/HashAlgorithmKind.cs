namespace Qed;

/// <summary>The hashes that Get-QedImageHash makes, as Get-FileHash names them.</summary>
public enum HashAlgorithmKind
{
    /// <summary>SHA-2 with 256 bits.</summary>
    SHA256,

    /// <summary>SHA-2 with 384 bits.</summary>
    SHA384,

    /// <summary>SHA-2 with 512 bits.</summary>
    SHA512,

    /// <summary>SHA-1: to compare with old lists, not to prove anything.</summary>
    SHA1,

    /// <summary>MD5: to compare with old lists, not to prove anything.</summary>
    MD5,
}
