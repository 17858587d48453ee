namespace Qed;

/// <summary>When a file without any known signature is taken for a raw disk.</summary>
public enum RawFallback
{
    /// <summary>Always, as QEMU does.</summary>
    Anything,

    /// <summary>Only where its name says so, it holds partitions or a file system, or it is a device: any text would pass for a disk.</summary>
    Recognised,
}
