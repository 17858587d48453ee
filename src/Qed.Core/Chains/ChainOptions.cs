using Qed.Formats;
using Qed.Storage;

namespace Qed.Chains;

/// <summary>How the images of a chain are opened.</summary>
internal sealed record ChainOptions
{
    /// <summary>The format of the first image; null to probe.</summary>
    public string? Format { get; init; }

    /// <summary>When the first image is raw by default.</summary>
    public RawFallback RawFallback { get; init; }

    /// <summary>What the files are opened for.</summary>
    public StorageAccess Access { get; init; } = StorageAccess.Read;

    /// <summary>How the first image is opened.</summary>
    public ImageOpenOptions Image { get; init; } = ImageOpenOptions.Default;
}
