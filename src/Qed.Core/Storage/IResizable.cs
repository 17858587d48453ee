namespace Qed.Storage;

/// <summary>A storage whose length can change.</summary>
internal interface IResizable
{
    /// <summary>Cuts or extends the storage; what is added reads as zeroes.</summary>
    /// <exception cref="DiskImageException">NotEnoughSpace, also of a device, which takes any length up to its own and keeps that; or the system refused.</exception>
    void SetLength(long length);
}
