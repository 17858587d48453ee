namespace Qed.Storage;

/// <summary>A piece of the file that one structure has for itself.</summary>
/// <param name="Offset">Where it starts, in bytes.</param>
/// <param name="Length">Its length in bytes.</param>
internal readonly record struct FileRange(long Offset, long Length)
{
    internal long End => Offset + Length;

    internal bool Overlaps(FileRange other) => Offset < other.End && other.Offset < End;
}
