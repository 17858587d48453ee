using System;
using System.Linq;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Chains;
using Qed.Checking;
using Qed.Formats;
using Qed.Images;
using Qed.Operations;
using Qed.Tests.Support;
using Qed.Transfer;
using Qed.Units;

namespace Qed.Tests.Fuzzing;

/// <summary>All that is done to an image without writing to it.</summary>
internal sealed class ReadOnlyTrial(Mutant mutant, FuzzFiles files, WorkMeter meter, Trial trial)
{
    // What takes as long as all the rest is done to one mutant of a few.
    private const int Rare = 17;

    // A disk that is no longer is read whole; of a longer one its ends.
    private const long LongestDisk = 8 << 20;
    private const int EndLength = 256 << 10;
    private const int MostExtents = 5000;

    // Used again by the next trial: arrays of that length are what most time would go into.
    [ThreadStatic]
    private static byte[]? t_content;

    [ThreadStatic]
    private static byte[]? t_other;

    private int _length = -1;

    /// <summary>What the guest sees, where all of it could be read, until the next trial.</summary>
    internal ReadOnlySpan<byte> Content => t_content.AsSpan(0, _length);

    /// <summary>Whether the whole disk could be read.</summary>
    internal bool IsReadable => _length >= 0;

    /// <summary>What it is taken for.</summary>
    internal ImageFormat Format { get; private set; } = mutant.Seed.Format;

    internal void Run()
    {
        // Where it looks like nothing it is still tried, as by somebody who says which format it has.
        trial.Run("probe", () => Format = FormatRegistry.Probe(files.OpenMain(), RawFallback.Anything, NullLogger.Instance));
        trial.Run("describe", Describe);
        if (Format.IsChangedInPlace)
            trial.Run("check", Check);
        DiskImage? image = null;
        if (!trial.Run("open", () => image = files.OpenChain(Format)))
        {
            trial.Run("salvage", Salvage);
            return;
        }

        using (image)
            Use(image!);
        if (!IsReadable)
            trial.Run("salvage", Salvage);
    }

    private void Use(DiskImage image)
    {
        bool isMapped = trial.Run("map", () => Map(image));
        bool isRead = trial.Run("read", () => Read(image));
        if (image.Length > LongestDisk)
            return;
        ImageFormat[] all = [.. FormatRegistry.All];
        ImageFormat target = all[(int)(mutant.Number / 34 % all.Length)];
        switch (mutant.Number / 2 % Rare)
        {
            case 0:
                trial.Run("compare", () => RequireSame(image, image, "an image is the same as itself"));
                break;
            case 3:
                trial.Run("estimate", () => Measure(image, target, isExact: false));
                break;
            case 7:
                trial.Run("hash", () => ContentHash.Of(image, HashAlgorithmName.SHA256, ProgressMeter.Silent, meter.Stop));
                break;
            case 2 when ConvertAsMeasured(image, target) && (!isRead || !isMapped):
                throw new FuzzFailure("what cannot be read is not converted");
        }
    }

    private bool ConvertAsMeasured(DiskImage image, ImageFormat target)
    {
        long measured = 0;
        long converted = 0;
        bool isMeasured = trial.Run("measure", () => measured = Measure(image, target, isExact: true));
        bool isConverted = trial.Run("convert", () => converted = Convert(image, target));
        if (isConverted && isMeasured && converted != measured)
            throw new FuzzFailure($"a conversion to {target.Name} has {measured} bytes, as was measured, not {converted}");
        return isConverted;
    }

    private void Describe()
    {
        using DiskImage image = files.OpenLink(Format, ImageOpenOptions.DescribeOnly);
        ImageDetails details = image.Details;
        if (image.Length < 0 || details.MaximumSize < 0 || details.ClusterSize is <= 0)
            throw new FuzzFailure("sizes are not negative");
        _ = details.Features.Concat(details.Properties.Select(property => property.ToString())).Count(text => text!.Length > 0);
        _ = details.Snapshots.Count;
        if (image.BackingReference is { } reference)
            _ = BackingNames.Resolve(reference, image.Path, isWanted: false, _ => false, HostPathRules.Current);
    }

    private void Check()
    {
        CheckResult result = new ImageChecker(files.OpenMain(), maximumIssues: 100).Run(ProgressMeter.Silent, meter.Stop);
        if (result.Corruptions > 0 || result.Size > LongestDisk)
            return;
        // What a check finds sound can be read, as far as the image itself is concerned.
        using DiskImage image = files.OpenLink(Format, ImageOpenOptions.Default);
        image.AttachBacking(new EmptyDisk(0));
        try
        {
            image.Read(default(GuestOffset), Take(ref t_other, image.Length));
        }
        catch (DiskImageException error)
        {
            throw new FuzzFailure($"what a check finds sound can be read: {error.Message}", error);
        }
    }

    private static void Map(DiskImage image)
    {
        GuestOffset end = default;
        int count = 0;
        foreach (ChainExtent extent in image.GetChainExtents(default, image.Length))
        {
            if (extent.Run.Offset != end || extent.Run.Length <= 0 || extent.Run.End.Value > image.Length)
                throw new FuzzFailure($"extents follow each other and lie in the disk, unlike {extent.Run}");
            end = extent.Run.End;
            if (++count == MostExtents)
                return;
        }

        if (end.Value != image.Length)
            throw new FuzzFailure("extents cover the disk");
    }

    private void Read(DiskImage image)
    {
        if (image.Length <= LongestDisk)
        {
            Span<byte> all = Take(ref t_content, image.Length);
            image.Read(default(GuestOffset), all);
            RequireZeroes(image, all);
            _length = all.Length;
            return;
        }

        byte[] end = new byte[EndLength];
        image.Read(default(GuestOffset), end);
        image.Read(new GuestOffset(image.Length - end.Length), end);
    }

    /// <summary>What the map calls zeroes reads as such.</summary>
    private static void RequireZeroes(DiskImage image, ReadOnlySpan<byte> all)
    {
        foreach (ChainExtent extent in image.GetChainExtents(default, image.Length).Take(MostExtents))
        {
            ReadOnlySpan<byte> run = all.Slice((int)extent.Run.Offset.Value, (int)extent.Run.Length);
            if (extent.Run.Kind != ExtentKind.Data && run.ContainsAnyExcept((byte)0))
                throw new FuzzFailure($"what is said to be zeroes, {extent.Run}, reads as such");
        }
    }

    private void RequireSame(DiskImage left, DiskImage right, string promise)
    {
        if (ImageComparer.FirstDifference(left, right, ProgressMeter.Silent, meter.Stop) is { } offset)
            throw new FuzzFailure($"{promise}, and differs at {offset.Value}");
    }

    private long Measure(DiskImage image, ImageFormat target, bool isExact)
    {
        TargetOptions options = OptionsFor(image, target);
        return MeasureImage.LengthOf(target, "/memory/target" + target.Extensions[0], options, writer =>
        {
            if (isExact)
                new ImageCopier(image, null, writer, options.Size).Run(ProgressMeter.Silent, meter.Stop);
            else
                MeasureImage.ReserveData(image, null, writer, options.Size, ProgressMeter.Silent, meter.Stop);
        });
    }

    private long Convert(DiskImage image, ImageFormat format)
    {
        TargetOptions options = OptionsFor(image, format);
        var target = new MemoryImage("target" + format.Extensions[0]);
        using (ImageWriter writer = format.CreateWriter(target, options))
        {
            new ImageCopier(image, null, writer, options.Size).Run(ProgressMeter.Silent, meter.Stop);
            writer.Complete();
        }

        using DiskImage written = target.Read(format);
        RequireSame(image, written, "a converted image is the same as its source");
        return target.Length;
    }

    private TargetOptions OptionsFor(DiskImage image, ImageFormat target) => new()
    {
        Size = target.PaddedSize(image.Length, Subformat.Dynamic),
        ClusterSize = target.Name switch { "vhdx" => 1 << 20, "vhd" => 512 << 10, _ => null },
        Compress = target.HasCompression && mutant.Number % 13 == 0,
    };

    private void Salvage()
    {
        DiskImage image = files.OpenLink(Format, ImageOpenOptions.Default with { AllowMissingData = true });
        DiskImage? salvaged = null;
        try
        {
            files.AttachChain(image);
            var unreadable = new UnreadableRanges();
            salvaged = SalvagedImage.Over(image, unreadable, NullLogger.Instance, meter.Stop);
            if (image.Length > LongestDisk)
                return;
            Span<byte> all = Take(ref t_other, image.Length);
            salvaged.Read(default(GuestOffset), all);
            if (IsReadable && (unreadable.Bytes > 0 || !all.SequenceEqual(Content)))
                throw new FuzzFailure("of a readable image nothing is lost");
        }
        finally
        {
            (salvaged ?? image).Dispose();
        }
    }

    private static Span<byte> Take(ref byte[]? buffer, long length) => (buffer ??= new byte[LongestDisk]).AsSpan(0, (int)length);
}
