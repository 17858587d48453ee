namespace Qed.Storage;

/// <summary>A storage that can give up blocks in its midst.</summary>
internal interface IPunchable
{
    /// <summary>Makes a range read as zeroes and frees its blocks, without changing the length.</summary>
    /// <returns>False, with nothing changed, where the host cannot.</returns>
    bool TryPunch(long offset, long length);
}
