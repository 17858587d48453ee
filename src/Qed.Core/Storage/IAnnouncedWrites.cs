namespace Qed.Storage;

/// <summary>A storage that saves what stands in a place before it is written.</summary>
internal interface IAnnouncedWrites
{
    /// <summary>Tells that a range will be written soon.</summary>
    void Announce(long offset, long length);
}
