namespace Qed.Storage;

/// <summary>A storage that can share blocks with another.</summary>
internal interface IBlockCloning
{
    /// <summary>Lets a range share the blocks of a range of another file, which reads alike afterwards and takes no further space.</summary>
    /// <param name="source">The other file.</param>
    /// <param name="from">Where its range starts.</param>
    /// <param name="to">Where the range of this storage starts.</param>
    /// <param name="length">Bytes of both.</param>
    /// <returns>False, with nothing shared, where the host cannot.</returns>
    bool TryClone(BlockStorage source, long from, long to, long length);
}
