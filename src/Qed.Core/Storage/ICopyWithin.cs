namespace Qed.Storage;

/// <summary>A storage that copies within itself without moving the bytes.</summary>
internal interface ICopyWithin
{
    /// <summary>Copies a range to another that it does not overlap; what lies beyond the end reads as zeroes.</summary>
    /// <param name="from">Where it lies.</param>
    /// <param name="to">Where the copy goes.</param>
    /// <param name="length">How many bytes, at most a mebibyte.</param>
    void CopyWithin(long from, long to, int length);
}
