namespace Qed.Formats.Vhdx;

/// <summary>A change to the file that the log holds.</summary>
/// <param name="Target">Where in the file, a multiple of 4096.</param>
/// <param name="Length">How many bytes, a multiple of 4096.</param>
/// <param name="Source">Where the bytes stand in the log; <see cref="Zeroes"/> where they are zeroes.</param>
internal readonly record struct VhdxLogPatch(long Target, long Length, int Source)
{
    internal const int Zeroes = -1;

    internal long End => Target + Length;
}
