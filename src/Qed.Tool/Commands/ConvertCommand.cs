using System;
using System.Globalization;
using Qed.Formats;
using Qed.Operations;
using Qed.Tool.CommandLine;

namespace Qed.Tool.Commands;

/// <summary><c>qed convert</c>: a new image with the contents of another.</summary>
internal static class ConvertCommand
{
    private const int LargestSparse = 16 << 20;

    private static readonly CommandOption Backing = CommandOption.WithValue('B', "backing_file", "Write only what differs from this image, which the new one then rests on.") with { NamesFile = true };
    private static readonly CommandOption Compress = CommandOption.Switch('c', "Compress the data.");
    private static readonly CommandOption Snapshot = CommandOption.WithValue('l', "snapshot", "Convert an internal snapshot, by its name or id.");
    private static readonly CommandOption Sparse = CommandOption.WithValue('S', "sparse_size", "Accepted, except 0: zeroes are found at the grain of each format.");
    private static readonly CommandOption Coroutines = CommandOption.WithValue('m', "num", "Accepted, 1 to 16: the work is shared among the processors anyway.");
    private static readonly CommandOption OutOfOrder = CommandOption.Switch('W', "Accepted: writing in order costs nothing here.");
    private static readonly CommandOption CopyOffload = CommandOption.Switch('C', "Accepted: ranges are copied inside the host where it can.");
    private static readonly CommandOption Salvage = CommandOption.Switch("salvage", "Go on where the source cannot be read, with zeroes there, and tell which ranges these are.");
    private static readonly CommandOption Verify = CommandOption.Switch("verify", "Read both images again and compare every byte before the new one gets its name.");
    private static readonly CommandOption DeleteSource = CommandOption.Switch("delete-source", "Delete the source once all of it was verified.");
    private static readonly CommandOption ExternalData = CommandOption.Switch("allow-external-data", "Open a data file that the source names.");
    private static readonly CommandOption NoOverwrite = CommandOption.Switch("no-overwrite", "Fail where the new file exists.");

    internal static ToolCommand Definition { get; } = new()
    {
        Name = "convert",
        Summary = "Write the contents of an image into a new one.",
        Operands = "filename output_filename",
        Remarks = "The new image appears under its name only when it is whole; until then an existing file of that name stays as it is.",
        Options =
        [
            CommonOptions.Format, CommonOptions.TargetFormat, Backing, CommonOptions.BackingFormat, CommonOptions.CreationOptions, Compress, Snapshot, Sparse,
            CommonOptions.Cache, CommonOptions.SourceCache, Coroutines, OutOfOrder, CopyOffload, CommonOptions.ForceShare, CommonOptions.Progress,
            CommonOptions.Quiet, Salvage, Verify, DeleteSource, ExternalData, NoOverwrite, .. CommonOptions.Refused,
            CommonOptions.Refuse('n', null, null, "the new image is always a new file"),
            CommonOptions.Refuse('r', null, "rate_limit", "conversions go as fast as the host can"),
            CommonOptions.Refuse(null, "target-image-opts", null, "images are named by their path"),
            CommonOptions.Refuse(null, "target-is-zero", null, "the new image is always a new file"),
            CommonOptions.Refuse(null, "bitmaps", null, "dirty bitmaps are not copied"),
        ],
        Run = Run,
    };

    private static int Run(ParsedArguments arguments, Session session)
    {
        if (NewImageSettings.AnswersHelp(CommonOptions.TargetFormat, arguments, session))
            return ExitCode.Success;

        RequireTuning(arguments);
        ConvertImageOptions options = Options(NewImageSettings.Read(CommonOptions.TargetFormat, arguments), arguments);
        session.ShowProgress(progress => ConvertImage.Run(options, progress, session.Logger, session.Cancellation));
        return ExitCode.Success;
    }

    /// <summary>Values that change nothing here are still held to qemu-img's rules.</summary>
    private static void RequireTuning(ParsedArguments arguments)
    {
        CommonOptions.RequireCacheModes(arguments);
        if (arguments.ValueOf(Sparse) is { } sparse)
        {
            long size = ByteSize.Read(sparse) ?? -1;
            if (size == 0)
                throw new UsageException("'-S 0' is not supported: no space is taken for zeroes, except by the fixed subformats");
            if (size < 0 || size % 512 != 0 || size > LargestSparse)
                throw new UsageException("Invalid buffer size for sparse output specified. Valid sizes are multiples of 512 up to 16777216.");
        }

        if (arguments.ValueOf(Coroutines) is { } count
            && !(int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number is >= 1 and <= 16))
        {
            throw new UsageException("Invalid number of coroutines. Allowed number of coroutines is between 1 and 16");
        }
    }

    private static ConvertImageOptions Options(NewImageSettings settings, ParsedArguments arguments)
    {
        if (arguments.Operands.Count < 2)
            throw new UsageException("Must specify image file name");
        if (arguments.Operands.Count > 2)
            throw new UsageException("Joining several images into one is not supported: convert one at a time");
        settings.Set(CreationSetting.BackingPath, arguments.ValueOf(Backing));
        settings.Set(CreationSetting.BackingFormat, arguments.ValueOf(CommonOptions.BackingFormat));
        if (settings.BackingPath is not null && settings.BackingFormat is null)
            throw new UsageException("Use of backing file requires explicit backing format");
        if (settings.Size is not null)
            throw new UsageException("option '-o size' is not supported here: the new disk is as large as the old one");
        return new ConvertImageOptions
        {
            Path = FileOperand.PathOf(arguments.Operands[0]),
            SourceFormat = arguments.ValueOf(CommonOptions.Format),
            Snapshot = arguments.ValueOf(Snapshot) is { } snapshot ? SnapshotOf(snapshot) : null,
            AllowExternalData = arguments.Has(ExternalData),
            DestinationPath = FileOperand.PathOf(arguments.Operands[1]),
            Format = settings.Format.Name,
            Subformat = settings.Subformat,
            ClusterSize = settings.ClusterSize,
            TableSize = settings.TableSize,
            LogicalSectorSize = settings.LogicalSectorSize,
            PhysicalSectorSize = settings.PhysicalSectorSize,
            BackingPath = settings.BackingPath,
            BackingFormat = settings.BackingFormat,
            Compress = arguments.Has(Compress),
            Salvage = arguments.Has(Salvage),
            Verify = arguments.Has(Verify),
            DeleteSource = arguments.Has(DeleteSource),
            Force = !arguments.Has(NoOverwrite),
        };
    }

    /// <summary>The snapshot of <c>name</c>, <c>snapshot.name=name</c> or <c>snapshot.id=id</c>.</summary>
    private static string SnapshotOf(string text)
    {
        foreach (string prefix in (ReadOnlySpan<string>)["snapshot.name=", "snapshot.id="])
        {
            if (text.StartsWith(prefix, StringComparison.Ordinal))
                return text[prefix.Length..];
        }

        return text;
    }
}
