using System;
using System.Threading;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Chains;
using Qed.Checking;
using Qed.Compaction;
using Qed.Engine;
using Qed.Layout;
using Qed.Storage;
using static Qed.Invariant;

namespace Qed.Operations;

/// <summary>What must hold of a QED image before it is changed in place.</summary>
internal sealed record ChangeNeeds
{
    internal static ChangeNeeds Default { get; } = new();

    /// <summary>Whether the images that it rests on are opened too.</summary>
    internal bool WithBacking { get; init; } = true;

    /// <summary>Whether its tables must be sound, so that they are checked however cleanly it was closed.</summary>
    internal bool MustBeSound { get; init; }

    /// <summary>Whether it is looked at only, to foresee a change: nothing is written, and others may read it.</summary>
    internal bool IsRehearsal { get; init; }

    /// <summary>The most memory in bytes that pages of its tables take.</summary>
    internal long TableCacheBytes { get; init; } = PageBudget.Default;

    /// <summary>Whether zeroes that are written give space back.</summary>
    internal bool DetectZeroes { get; init; }

    /// <summary>How what no request waits for is done.</summary>
    internal BackgroundWork Background { get; init; } = BackgroundWork.OnThreads;

    /// <summary>Refuses, by throwing, what the header alone tells; given the header and the image's path.</summary>
    internal Action<QedHeader, string>? Require { get; init; }

    /// <param name="checker">The check that has just found the image sound; null where there was none.</param>
    internal QedOpenOptions OpenOptions(ImageChecker? checker) => new()
    {
        ForWriting = !IsRehearsal,
        NeedCheckVerified = checker is not null,
        Used = checker?.Used,
        MayRefuse = true,
        TableCacheBytes = TableCacheBytes,
        DetectZeroes = DetectZeroes,
        Background = Background,
    };
}

/// <summary>
/// A QED image that was opened to be changed. Nothing in it is written before <see cref="Begin"/>, so that whoever refuses
/// the change leaves the file as it is.
/// </summary>
/// <param name="Image">The image.</param>
/// <param name="Check">What a check has found that does not keep it from being written; null where none was needed.</param>
internal sealed record ImageForChange(QedImage Image, CheckResult? Check) : IDisposable
{
    /// <summary>Its file, where it was opened by a path; the image owns it.</summary>
    internal HostFile File => (HostFile)Image.Storage;

    /// <summary>What the check has found about each cluster; null where none was needed.</summary>
    internal ImageChecker? Checker { get; private init; }

    /// <summary>Whether work on the image was cut short.</summary>
    internal bool WasCutShort => Check is { NeedsCheck: true };

    /// <summary>Whether such work has left space that nothing references.</summary>
    internal bool HasLeftovers => WasCutShort && Check!.LeakedClusters > 0;

    /// <summary>Throws unless a file is an image that is changed in place.</summary>
    /// <exception cref="DiskImageException">UnsupportedFeature for another format, and what opening and probing throw.</exception>
    internal static void RequireQed(string path) => OpenFile(path, StorageAccess.Peek, NullLogger.Instance).Dispose();

    /// <summary>Opens an image. One that was not closed cleanly is checked first, and opened only if it is sound.</summary>
    /// <exception cref="DiskImageException">Of any image of the chain; ImageCorrupt where the check finds faults; what the needs refuse.</exception>
    internal static ImageForChange Open(
        string path, ChangeNeeds needs, IProgress<OperationProgress>? progress, ILogger logger, CancellationToken cancellation)
    {
        HostFile file = OpenFile(path, needs.IsRehearsal ? StorageAccess.Read : StorageAccess.Write, logger);
        try
        {
            UndoInspection.RequireFinished(file, new UndoFile(file));
        }
        catch
        {
            file.Dispose();
            throw;
        }

        ImageForChange opened = Open(file, needs, progress, cancellation);
        try
        {
            Log.Opened(logger, opened.Image.Path, opened.Image.Format, opened.Image.Length);
            if (needs.WithBacking)
                ImageChain.AttachChain(opened.Image, file.Identity, StorageAccess.Read, logger);
            return opened;
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    /// <summary>Opens an image alone, from whatever has its bytes, which it owns from then on.</summary>
    /// <exception cref="DiskImageException">As for a path, but for what only a file of the host and its chain meet.</exception>
    internal static ImageForChange Open(BlockStorage storage, ChangeNeeds needs, IProgress<OperationProgress>? progress, CancellationToken cancellation)
    {
        try
        {
            (ImageChecker? Checker, CheckResult? Check) found = default;
            QedHeader header = QedHeaderReader.Read(storage);
            needs.Require?.Invoke(header, storage.Path);
            if (needs.MustBeSound || IsDoubtful(storage, header))
                found = RequireSound(storage, progress, cancellation);
            return new ImageForChange(QedImage.Open(storage, needs.OpenOptions(found.Checker)), found.Check) { Checker = found.Checker };
        }
        catch
        {
            storage.Dispose();
            throw;
        }
    }

    /// <summary>Takes away what work that was cut short has left and the check has found to be nobody's; the change follows.</summary>
    internal void Begin(ILogger logger)
    {
        Image.BeforeChange();
        if (Check is null)
            return;
        // What a killed process has written may be in memory still: what was found free is not while a crash could bring its entry back.
        if (WasCutShort)
            Image.Storage.Flush();
        Image.Space.CutPartOfCluster();
        if (Check.EntriesBeyondEnd > 0)
            Image.DropBeyondEnd();
        if (WasCutShort)
            Log.NeededCheck(logger, Image.Path);
        if (!HasLeftovers)
            return;
        Image.Space.GiveBackFree();
        Log.LeaksFound(logger, Image.Path, Check.LeakedClusters);
    }

    public void Dispose() => Image.Dispose();

    /// <summary>The image as it stands, but for who has it in use.</summary>
    internal ImageDescription Describe() => DescribeImage.Of(Image, File, isWanted: false);

    /// <summary>Gives the space of unreferenced clusters back to the host. A block device is none the smaller for it, so there they are only used again.</summary>
    /// <returns>Clusters by which the file has become shorter.</returns>
    /// <exception cref="OperationCanceledException">Cancelled; the image is sound and not marked as closed cleanly, so that the next one goes on.</exception>
    internal long Reclaim(IProgress<OperationProgress>? progress, ILogger logger, CancellationToken cancellation)
    {
        if (Image.Storage.HasFixedLength)
            return 0;
        long clusters = Image.Rearrange(storage => new ClusterReclaimer(storage, progress, cancellation).Run());
        Log.Reclaimed(logger, clusters, Image.Path);
        return clusters;
    }

    /// <summary>Whether an image was not closed cleanly, its last cluster is cut off, or a repair whose undo file is gone was cut short.</summary>
    private static bool IsDoubtful(BlockStorage storage, QedHeader header)
        => header.NeedsCheck || header.RepairMark is { IsUnfinished: true }
            || (!storage.HasFixedLength && (storage.Length & (header.Geometry.ClusterSize - 1)) != 0);

    /// <summary>Checks an image that is to be changed, or would be.</summary>
    /// <exception cref="DiskImageException">ImageCorrupt.</exception>
    internal static (ImageChecker Checker, CheckResult Check) RequireSound(BlockStorage storage, IProgress<OperationProgress>? progress, CancellationToken cancellation)
    {
        var checker = new ImageChecker(storage, maximumIssues: 1);
        CheckResult result = checker.Run(new ProgressMeter(progress, "Checking"), cancellation);
        if (result.Corruptions == 0)
            return (checker, result);
        string state = result.NeedsCheck ? "the image was not closed cleanly and " : string.Empty;
        throw new DiskImageException(
            ErrorKind.ImageCorrupt, $"{state}a check finds {Text(result.Corruptions)} corruptions, so the image is not changed", storage.Path)
        {
            Remedy = new(RemedyKind.ListDamage) { Next = Remedy.Advice("Reading it, and converting it to a new image, still works where the data is sound.") },
        };
    }

    internal static HostFile OpenFile(string path, StorageAccess access, ILogger logger)
        => QedFile.Open(path, access, logger, "only QED images are changed in place", new(RemedyKind.ConvertToQed));
}
