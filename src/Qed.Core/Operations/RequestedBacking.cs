using System;
using Microsoft.Extensions.Logging;
using Qed.Chains;
using Qed.Images;
using Qed.Storage;

namespace Qed.Operations;

/// <summary>The backing file that a user asks for: what an image is to store of it, and the image behind the name.</summary>
internal sealed class RequestedBacking : IDisposable
{
    private RequestedBacking(BackingReference reference, DiskImage? image)
    {
        Reference = reference.StoredOver(image?.Format);
        Image = image;
    }

    /// <summary>What is to be stored.</summary>
    internal BackingReference Reference { get; }

    /// <summary>The opened image with its own chain; null where it is not looked at.</summary>
    internal DiskImage? Image { get; }

    /// <summary>What options say of a backing file; null where they name none.</summary>
    internal static BackingReference? Named(string? name, string? format)
        => name is null ? null : new BackingReference(name, format?.ToLowerInvariant());

    /// <summary>Opens a backing file, if one is asked for.</summary>
    /// <param name="reference">Its name and format; null for none.</param>
    /// <param name="overlay">The image that is to rest on it, which need not exist yet.</param>
    /// <param name="logger">Receives warnings.</param>
    /// <returns>Null for none.</returns>
    /// <exception cref="DiskImageException">Of any image of its chain; BackingChainLoop where the overlay is one of them.</exception>
    internal static RequestedBacking? Open(BackingReference? reference, string overlay, ILogger logger)
        => reference is null ? null : new RequestedBacking(reference, ImageChain.OpenAsBacking(reference, overlay, FileIdentity.Of(overlay), logger));

    /// <summary>Takes a name as it is, after making sure that the image would not rest on itself.</summary>
    /// <returns>Null for none.</returns>
    /// <exception cref="DiskImageException">BackingChainLoop, or BackingFileRefused where the chain is too long.</exception>
    internal static RequestedBacking? Trust(BackingReference? reference, string overlay)
    {
        if (reference is null)
            return null;
        ImageChain.RequireNoLoop(reference, overlay);
        return new RequestedBacking(reference, null);
    }

    public void Dispose() => Image?.Dispose();
}
