using System;
using System.Linq;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Checking;
using Qed.Compaction;
using Qed.Engine;
using Qed.Formats;
using Qed.Images;
using Qed.Operations;
using Qed.Tests.Support;
using Qed.Transfer;
using Qed.Units;

namespace Qed.Tests.Fuzzing;

/// <summary>
/// Changes of a QED image that is not corrupt: the guest sees what it should afterwards, and the image is sound; also where the work
/// is refused half-way, as by a backing file that cannot be read.
/// </summary>
internal sealed class QedChangeTrial(Mutant mutant, FuzzFiles files, WorkMeter meter, Trial trial)
{
    private const long LongestDisk = 8 << 20;
    private const int Writes = 12;

    private readonly Random _random = new((int)mutant.Number);
    // What the guest is to see afterwards; null where that is not known.
    private byte[]? _expected;
    private long _leaksBefore;

    internal void Run(byte[] before)
    {
        (string name, Action<QedImage> change) = (mutant.Number / 6 % 7) switch
        {
            0 => ("grow", Grow),
            1 => ("shrink", Shrink),
            2 => ("re-parent", Reparent),
            3 => ("optimize", image => Optimize(image, OptimizeMode.Full)),
            4 => ("defragment", image => Optimize(image, OptimizeMode.Defragment)),
            5 => ("merge", Merge),
            _ => ("write", (Action<QedImage>)Write),
        };
        FuzzStorage storage = files.Copy(before);
        bool isDone = trial.Run(name, () =>
        {
            using QedImage image = Open(storage);
            change(image);
        });
        if (!isDone && !storage.WasChanged)
            return;
        trial.Run($"check after {name}", () => RequireSound(storage, isDone, name));
        if (isDone && _expected is not null)
            trial.Run($"read after {name}", () => RequireExpected(storage, name));
        if (trial.Error is { } error)
            throw new FuzzFailure($"an image that was changed ({name}) can be read: {error.Message}", error);
    }

    /// <summary>As every change opens an image: a check comes first.</summary>
    private QedImage Open(FuzzStorage storage)
    {
        UndoInspection.RequireFinished(storage, new FuzzUndo(meter));
        var checker = new ImageChecker(storage, maximumIssues: 1);
        CheckResult check = checker.Run(ProgressMeter.Silent, meter.Stop);
        if (check.Corruptions > 0)
            throw new DiskImageException(ErrorKind.ImageCorrupt, "only sound images are changed", storage.Path);
        _leaksBefore = check.LeakedClusters;
        QedImage image = QedImage.Open(storage, ChangeNeeds.Default.OpenOptions(checker) with { Background = InTheForeground.Instance });
        try
        {
            files.AttachChain(image);
            if (image.Length <= LongestDisk)
            {
                _expected = new byte[image.Length];
                image.Read(default(GuestOffset), _expected);
            }

            new ImageForChange(image, check).Begin(NullLogger.Instance);
            return image;
        }
        catch
        {
            image.Dispose();
            throw;
        }
    }

    private void Grow(QedImage image)
    {
        long size = (mutant.Number / 42 % 3) switch
        {
            0 => image.Length + 512,
            1 => image.Length + (1 << 20),
            _ => image.Geometry.MaximumImageSize,
        };
        image.RequireLegalSize(size);
        image.SetSize(size, meter.Stop);
        if (size <= LongestDisk)
            Array.Resize(ref _expected, (int)size);
        else
            _expected = null;
    }

    private void Shrink(QedImage image)
    {
        long size = Math.Max(512, image.Length / 2 / 512 * 512);
        image.SetSize(size, meter.Stop);
        image.Rearrange(storage => new ClusterReclaimer(storage, null, meter.Stop).Run());
        if (_expected is not null)
            Array.Resize(ref _expected, (int)size);
    }

    private void Reparent(QedImage image)
    {
        BackingNameChange.RequireAllowed(image.Header, image.Path);
        DiskImage? next = _random.Next(2) == 0 ? null : new MemoryDisk(Patterns.Random(100 << 10, 1));
        new RebaseCopier(image, next).Run(ProgressMeter.Silent, meter.Stop);
        image.Flush();
        image.SetBackingName(null);
        image.AttachBacking(null)?.Dispose();
        // It was copied for the other one, which reads differently.
        if (next is not null)
            _expected = null;
    }

    private void Optimize(QedImage image, OptimizeMode mode) => image.Rearrange(storage =>
    {
        var checker = new ImageChecker(storage, maximumIssues: 1);
        checker.Run(ProgressMeter.Silent, meter.Stop);
        new ImageCompactor(storage, mode, isRehearsal: false, null, meter.Stop).Run(checker.Scan);
        return 0;
    });

    /// <summary>Into a sound image that takes the place of what it rests on.</summary>
    private void Merge(QedImage image)
    {
        if (image.Length > LongestDisk)
            throw new DiskImageException(ErrorKind.InvalidSize, "longer disks take too long here", image.Path);
        var below = new MemoryImage("below.qed");
        var options = new TargetOptions { Size = image.Length, ClusterSize = 4096, TableSize = 4 };
        below.Fill(FormatRegistry.Qed, new byte[image.Length], options);
        using QedImage target = QedImage.Open(below.Storage, new QedOpenOptions { ForWriting = true, Background = InTheForeground.Instance });
        target.AttachBacking(image.AttachBacking(target));
        new ImageMerger(image, target).Run(image.Length, null, ProgressMeter.Silent, meter.Stop);
        byte[] merged = new byte[image.Length];
        target.Read(default(GuestOffset), merged);
        image.AttachBacking(target.AttachBacking(null));
        if (image.BackingReference is null && !merged.AsSpan().SequenceEqual(_expected))
            throw new FuzzFailure("an image reads the same once it was merged");
    }

    private void Write(QedImage image)
    {
        for (int i = 0; i < Writes && image.Length > 0; i++)
        {
            long offset = image.Length > LongestDisk && _random.Next(2) == 0 ? _random.NextInt64(image.Length) : _random.Next((int)Math.Min(image.Length, LongestDisk));
            int length = (int)Math.Min(image.Length - offset, 1 + _random.Next(20_000));
            byte[] data = new byte[length];
            if (_random.Next(3) == 0)
            {
                image.Discard(offset, length);
            }
            else
            {
                _random.NextBytes(data);
                image.Write(new GuestOffset(offset), data);
            }

            if (_expected is not null)
                data.CopyTo(_expected.AsSpan((int)offset));
            if (_random.Next(5) == 0)
                image.Flush();
        }
    }

    private void RequireSound(FuzzStorage storage, bool isDone, string name)
    {
        CheckResult check = new ImageChecker(storage, maximumIssues: 10).Run(ProgressMeter.Silent, meter.Stop);
        bool hasLost = check.LeakedClusters > _leaksBefore && !check.NeedsCheck;
        if (check.Corruptions > 0 || hasLost || (isDone && (check.NeedsCheck || check.EntriesBeyondEnd > 0)))
            throw new FuzzFailure($"an image is sound after the work ({name}), without {string.Join("; ", check.Issues)}{(check.NeedsCheck ? ", NEED_CHECK" : string.Empty)}, {check.LeakedClusters} leaks");
    }

    private void RequireExpected(FuzzStorage storage, string name)
    {
        using QedImage image = QedImage.Open(storage);
        files.AttachChain(image);
        byte[] seen = new byte[image.Length];
        image.Read(default(GuestOffset), seen);
        int differs = seen.AsSpan().CommonPrefixLength(_expected);
        if (seen.Length != _expected!.Length || differs < seen.Length)
            throw new FuzzFailure($"the guest sees what it should after the work ({name}), also at {differs} of {seen.Length}");
    }

    private sealed class InTheForeground : BackgroundWork
    {
        internal static InTheForeground Instance { get; } = new();

        internal override void Start(Action work) => work();

        internal override IDisposable Every(TimeSpan period, Action work) => new Nothing();

        private sealed class Nothing : IDisposable
        {
            public void Dispose()
            {
            }
        }
    }
}
