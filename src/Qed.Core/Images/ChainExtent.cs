namespace Qed.Images;

/// <summary>A run of the guest's disk as a whole chain holds it.</summary>
/// <param name="Run">The run, in the words of the image that holds it; unallocated where no image of the chain says anything.</param>
/// <param name="Holder">The image that holds it; of an unallocated run the last one whose disk reaches so far.</param>
/// <param name="Depth">How far below the top that image lies; 0 for the top itself.</param>
internal readonly record struct ChainExtent(Extent Run, DiskImage Holder, int Depth)
{
    /// <summary>The run in plain numbers, as those outside of the engine count.</summary>
    internal MappedExtent Mapped
        => new(Run.Offset.Value, Run.Length, Run.Kind, Run.HostOffset?.Value, Depth, Run.Kind == ExtentKind.Unallocated ? null : Holder.Path);
}
