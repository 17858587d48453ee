namespace Qed.Storage;

/// <summary>A storage that can tell where it holds no blocks.</summary>
internal interface IHoleMap
{
    /// <summary>The run of data or hole that holds <paramref name="offset"/>, from that offset on.</summary>
    /// <param name="offset">Byte offset, below the length.</param>
    /// <returns>At least one byte; all data where the host does not tell.</returns>
    StorageExtent NextExtent(long offset);

    /// <summary>Whether the host tells that it holds no blocks for a range, without finding out where the data around it ends.</summary>
    bool IsHole(long offset, long length);
}
