namespace Qed.Tests.Crashes;

/// <summary>What is done to an image when the power fails: as its guest, or as one of the operations.</summary>
internal enum CrashOperation
{
    Allocate,
    Overwrite,
    Zero,
    Discard,
    Flush,
    Resize,
    Reparent,
    Merge,
    Optimize,

    /// <summary>The process that has the image open is killed, and a repair follows.</summary>
    Repair,
}
