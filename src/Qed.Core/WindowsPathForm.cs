namespace Qed;

/// <summary>What a path leads to on Windows, as far as its text tells.</summary>
internal enum WindowsPathForm
{
    /// <summary>A path from the current folder.</summary>
    Relative,

    /// <summary>A path from the current folder of a drive, as <c>C:x</c>.</summary>
    OfDrive,

    /// <summary>A path from the root of the current drive, as <c>\x</c>.</summary>
    Rooted,

    /// <summary>A full path on a drive.</summary>
    Drive,

    /// <summary>A path on another computer, which learns who the user is when it is asked for.</summary>
    Network,

    /// <summary>A full path on a volume that is named by its identifier.</summary>
    Volume,

    /// <summary>A full path on a shadow copy of a volume.</summary>
    ShadowCopy,

    /// <summary>A whole disk or volume, by its device.</summary>
    Disk,

    /// <summary>A named pipe.</summary>
    Pipe,

    /// <summary>Any other device, or a name of the kernel's own.</summary>
    Device,
}
