namespace Qed.Images;

/// <summary>A run of the guest's disk as a whole chain holds it.</summary>
/// <param name="Run">The run, in the words of the image that holds it; unallocated where no image of the chain says anything.</param>
/// <param name="Holder">The image that holds it; of an unallocated run the last one whose disk reaches so far.</param>
/// <param name="Depth">How far below the top that image lies; 0 for the top itself.</param>
public readonly record struct ChainExtent(Extent Run, DiskImage Holder, int Depth);
