using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Chains;
using Qed.Images;
using Qed.Units;

namespace Qed.Operations;

/// <summary>Tells where each part of the guest's disk lies, from the tables alone. Changes nothing, and nobody may write the images meanwhile.</summary>
public static class MapImage
{
    /// <summary>Maps one image: every run of its disk, in order and without gaps, each as soon as its end is known.</summary>
    /// <returns>The runs, found out while they are enumerated; the images are open until the enumeration ends.</returns>
    /// <exception cref="DiskImageException">While enumerating: of any image of the chain.</exception>
    /// <exception cref="OperationCanceledException">While enumerating: the work was cancelled.</exception>
    public static IEnumerable<MappedExtent> Run(
        MapImageOptions options,
        IProgress<OperationProgress>? progress = null,
        ILogger? logger = null,
        CancellationToken cancellation = default)
    {
        if (options is null)
            throw new ArgumentNullException(nameof(options));
        return Map(options, progress, logger ?? NullLogger.Instance, cancellation);
    }

    private static IEnumerable<MappedExtent> Map(MapImageOptions options, IProgress<OperationProgress>? progress, ILogger logger, CancellationToken cancellation)
    {
        var how = new ChainOptions { Format = options.SourceFormat, RawFallback = options.RawFallback };
        IReadOnlyList<GuestRange> damage = options.TellDamage ? DamagedRanges.Of(options, cancellation) : [];
        using DiskImage image = options.TopOnly ? ImageChain.OpenLink(options.Path, how, out _) : ImageChain.OpenChain(options.Path, how, logger);
        var meter = new ProgressMeter(progress, "Mapping", image.Length);
        MappedExtent? pending = null;
        foreach (MappedExtent next in Runs(image, damage, options.TopOnly))
        {
            cancellation.ThrowIfCancellationRequested();
            if (pending is not { } run)
            {
                pending = next;
            }
            else if (Continues(run, next))
            {
                pending = run with { Length = run.Length + next.Length };
            }
            else
            {
                yield return run;
                pending = next;
            }

            meter.ReachedAtLeast(next.End);
        }

        if (pending is { } last)
            yield return last;
    }

    private static IEnumerable<MappedExtent> Runs(DiskImage image, IReadOnlyList<GuestRange> damage, bool topOnly)
    {
        var start = new GuestOffset(0);
        foreach (GuestRange damaged in damage)
        {
            foreach (MappedExtent run in Runs(image, start, damaged.Offset - start, topOnly))
                yield return run;
            yield return new MappedExtent(damaged.Offset.Value, damaged.Length, ExtentKind.Unallocated, null, 0, null) { IsDamaged = true };
            start = damaged.End;
        }

        foreach (MappedExtent run in Runs(image, start, image.Length - start.Value, topOnly))
            yield return run;
    }

    private static IEnumerable<MappedExtent> Runs(DiskImage image, GuestOffset start, long length, bool topOnly)
        => (topOnly ? image.GetExtents(start, length).Select(run => new ChainExtent(run, image, 0)) : image.GetChainExtents(start, length))
            .Select(extent => extent.Mapped);

    private static bool Continues(MappedExtent run, MappedExtent next)
        => run.Kind == next.Kind && run.Depth == next.Depth && run.IsDamaged == next.IsDamaged
            && (run.HostOffset is { } host ? next.HostOffset == host + run.Length : next.HostOffset is null);
}
