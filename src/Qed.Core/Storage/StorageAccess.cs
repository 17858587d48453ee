namespace Qed.Storage;

/// <summary>What a host file is opened for, and so whom the opening excludes.</summary>
internal enum StorageAccess
{
    /// <summary>Look at the file even while another process writes it; takes no lock.</summary>
    Peek,

    /// <summary>Read it, and keep others from writing meanwhile.</summary>
    Read,

    /// <summary>Read and write it, and keep others from reading or writing it meanwhile.</summary>
    Write,
}
