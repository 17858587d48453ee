using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Storage;

namespace Qed.Formats;

/// <summary>How an image of any format is opened for reading.</summary>
internal sealed record ImageOpenOptions
{
    /// <summary>For an image that is only described, or read whole.</summary>
    internal static ImageOpenOptions Default { get; } = new();

    /// <summary>For an image of which only its own header is wanted.</summary>
    internal static ImageOpenOptions DescribeOnly { get; } = new() { WithData = false };

    /// <summary>
    /// Whether the guest's data will be read. Where it will not, no other file than the given one is opened, also where
    /// the format keeps its data elsewhere.
    /// </summary>
    internal bool WithData { get; init; } = true;

    /// <summary>The name or id of an internal snapshot to read instead of the disk's present state.</summary>
    internal string? Snapshot { get; init; }

    /// <summary>Whether the user has consented to opening a data file that the image names.</summary>
    internal bool AllowExternalData { get; init; }

    /// <summary>Receives what a user should know of an image that can be read all the same.</summary>
    internal ILogger Logger { get; init; } = NullLogger.Instance;

    /// <summary>Whether an image is opened although parts of its data are missing: reading these, and nothing else, is an error then.</summary>
    internal bool AllowMissingData { get; init; }

    /// <summary>The most memory in bytes that pages of each file's tables take, 256 KiB to 4 GiB.</summary>
    internal long TableCacheBytes
    {
        get;
        init => field = PageBudget.Require(value);
    } = PageBudget.Default;

    /// <summary>Where the further files are that the image may name; null where there is nothing but the one that is opened.</summary>
    internal ICompanionFiles? Companions { get; init; }

    /// <summary>The further files, for an image that cannot be read without them.</summary>
    /// <param name="name">The one that is needed.</param>
    /// <param name="image">The image's own file.</param>
    /// <exception cref="DiskImageException">UnsupportedFeature where there are none.</exception>
    internal ICompanionFiles RequireCompanions(string name, BlockStorage image)
        => Companions ?? throw new DiskImageException(
            ErrorKind.UnsupportedFeature, $"the image keeps its data in another file, '{name}', and what it is read from here is no file that has others beside it", image.Path);
}
