using System;
using System.Collections.Generic;
using Qed.Images;
using Qed.Storage;

namespace Qed.Formats;

/// <summary>A disk image format: how to recognise, open and create it. One folder holds all that is known of each.</summary>
public abstract class ImageFormat
{
    /// <summary>The short name, as qemu-img writes it.</summary>
    public abstract string Name { get; }

    /// <summary>File name endings that mean this format, with their dot.</summary>
    public abstract IReadOnlyList<string> Extensions { get; }

    /// <summary>Whether a file of this format can name a backing file.</summary>
    public abstract bool HasBackingFiles { get; }

    /// <summary>What the guest's size must be a multiple of, in bytes.</summary>
    public abstract int SizeGranularity { get; }

    /// <summary>Whether a file starts as images of this format do; never true for a format without a signature.</summary>
    /// <param name="start">The first bytes of the file, up to <see cref="FormatRegistry.ProbeLength"/>.</param>
    internal abstract bool Matches(ReadOnlySpan<byte> start);

    /// <summary>Opens an image for reading; it owns the storage from then on, also when opening fails.</summary>
    internal abstract DiskImage Open(HostFile storage);

    /// <summary>Starts an image in an empty file, which stays the caller's.</summary>
    /// <exception cref="DiskImageException">InvalidGeometry, InvalidSize or UnsupportedFeature, with nothing written.</exception>
    internal abstract ImageWriter CreateWriter(HostFile target, TargetOptions options);
}
