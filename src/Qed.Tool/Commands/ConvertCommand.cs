using System;
using System.Globalization;
using System.IO;
using System.Linq;
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
    private static readonly CommandOption Sparse = CommandOption.WithValue('S', "sparse_size", "0 writes zeroes like data, so that the new image has space for all of its disk; other sizes are accepted, zeroes are found at the grain of each format.");
    private static readonly CommandOption Coroutines = CommandOption.WithValue('m', "num", "Accepted, 1 to 16: the work is shared among the processors anyway.");
    private static readonly CommandOption OutOfOrder = CommandOption.Switch('W', "Accepted: writing in order costs nothing here.");
    private static readonly CommandOption CopyOffload = CommandOption.Switch('C', "Accepted: ranges are copied inside the host where it can.");
    private static readonly CommandOption IntoExisting = CommandOption.Switch('n', "Write into an image that exists, raw or QED, and leave it the kind of image that it is.");
    private static readonly CommandOption TargetIsZero = CommandOption.Switch("target-is-zero", "With -n: trust that the image reads as zeroes, and write none.");
    private static readonly CommandOption SourceSize = CommandOption.WithValue("source-size", "size", "How long the disk is that comes through a pipe.");
    private static readonly CommandOption Salvage = CommandOption.Switch("salvage", "Go on where the source cannot be read, with zeroes there, and tell which ranges these are.");
    private static readonly CommandOption Verify = CommandOption.Switch("verify", "Read both images again and compare every byte before the new one gets its name.");
    private static readonly CommandOption DeleteSource = CommandOption.Switch("delete-source", "Delete the source once all of it was verified.");
    private static readonly CommandOption ExternalData = CommandOption.Switch("allow-external-data", "Open a data file that the source names.");
    private static readonly CommandOption NoOverwrite = CommandOption.Switch("no-overwrite", "Fail where the new file exists.");

    internal static ToolCommand Definition { get; } = new()
    {
        Name = "convert",
        Summary = "Write the contents of an image into a new one.",
        Operands = "filename [filename2 ...] output_filename",
        Remarks = "The new image appears under its name only when it is whole; until then an existing file of that name stays as it is. "
            + "Several disks are written one behind the other. A raw disk can go to standard output, come from standard input (both '-'), "
            + "or pass through a named pipe.",
        Options =
        [
            CommonOptions.Format, CommonOptions.TargetFormat, Backing, CommonOptions.BackingFormat, CommonOptions.CreationOptions, Compress, Snapshot, Sparse,
            CommonOptions.Cache, CommonOptions.SourceCache, Coroutines, OutOfOrder, CopyOffload, CommonOptions.ForceShare, CommonOptions.Progress,
            CommonOptions.Quiet, IntoExisting, TargetIsZero, CommonOptions.Rate, SourceSize, Salvage, Verify, DeleteSource, ExternalData, NoOverwrite, .. CommonOptions.Refused,
            CommonOptions.Refuse(null, "target-image-opts", null, "images are named by their path"),
            CommonOptions.Refuse(null, "bitmaps", null, "dirty bitmaps are not copied"),
        ],
        Run = Run,
    };

    private static int Run(ParsedArguments arguments, Session session)
    {
        if (NewImageSettings.AnswersHelp(CommonOptions.TargetFormat, arguments, session))
            return ExitCode.Success;

        RequireTuning(arguments);
        RequireFit(arguments);
        ConvertImageOptions options = Options(NewImageSettings.Read(CommonOptions.TargetFormat, arguments), arguments);
        string source = arguments.Operands[0];
        string target = arguments.Operands[^1];
        using Stream? input = StreamOperand.Is(source) ? StreamOperand.OpenInput(source, session) : null;
        using Stream? output = !arguments.Has(IntoExisting) && StreamOperand.Is(target) ? StreamOperand.OpenOutput(target, session) : null;
        if (input is null && arguments.Has(SourceSize))
            throw new UsageException("--source-size is for a disk that comes through a pipe");
        options = options with { SourceStream = input, DestinationStream = output };
        // Nothing may come between the disk's bytes.
        if (output is not null)
            ConvertImage.Run(options, null, session.Logger, session.Cancellation);
        else
            session.ShowProgress(progress => ConvertImage.Run(options, progress, session.Logger, session.Cancellation));
        return ExitCode.Success;
    }

    /// <summary>Holds values to qemu-img's rules, also those that change nothing here.</summary>
    private static void RequireTuning(ParsedArguments arguments)
    {
        CommonOptions.RequireCacheModes(arguments);
        if (arguments.ValueOf(Sparse) is { } sparse && (SizeText.Read(sparse) ?? -1) is var size && (size < 0 || size % 512 != 0 || size > LargestSparse))
            throw new UsageException("Invalid buffer size for sparse output specified. Valid sizes are multiples of 512 up to 16777216. Select 0 to disable sparse detection (fully allocates output).");
        if (arguments.ValueOf(Coroutines) is { } count
            && !(int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number is >= 1 and <= 16))
        {
            throw new UsageException("Invalid number of coroutines. Allowed number of coroutines is between 1 and 16");
        }
    }

    /// <summary>Refuses what does not go together.</summary>
    private static void RequireFit(ParsedArguments arguments)
    {
        int count = arguments.Operands.Count;
        string? broken = count < 1 ? "Must specify image file name"
            : arguments.Has(TargetIsZero) && !arguments.Has(IntoExisting) ? "--target-is-zero requires use of -n flag"
            : arguments.Has(IntoExisting) && arguments.Has(CommonOptions.CreationOptions) ? "-o has no effect when skipping image creation"
            : arguments.Has(IntoExisting) && arguments.Has(NoOverwrite) ? "--no-overwrite and -n exclude each other"
            : count < 2 ? "Must specify image file name"
            : count > 2 && arguments.Has(Snapshot) ? "No support for concatenating multiple snapshot"
            : count > 2 && arguments.Has(Backing) ? "Having a backing file for the target makes no sense when concatenating multiple input images"
            : count > 2 && arguments.Operands.SkipLast(1).Any(StreamOperand.Is) ? "a disk that comes through a pipe cannot be joined with others"
            : null;
        if (broken is not null)
            throw new UsageException(broken);
    }

    private static ConvertImageOptions Options(NewImageSettings settings, ParsedArguments arguments)
    {
        settings.Set(CreationSetting.BackingPath, arguments.ValueOf(Backing));
        settings.Set(CreationSetting.BackingFormat, arguments.ValueOf(CommonOptions.BackingFormat));
        if (settings.BackingPath is not null && settings.BackingFormat is null)
            throw new UsageException("Use of backing file requires explicit backing format");
        if (settings.Size is not null)
            throw new UsageException("option '-o size' is not supported here: the new disk is as large as the old one");
        return new ConvertImageOptions
        {
            Path = PathOf(arguments.Operands[0], isInput: true),
            FurtherPaths = arguments.Operands.Skip(1).SkipLast(1).Select(FileOperand.PathOf).ToArray(),
            SourceFormat = arguments.ValueOf(CommonOptions.Format),
            Snapshot = arguments.ValueOf(Snapshot) is { } snapshot ? SnapshotOf(snapshot) : null,
            AllowExternalData = arguments.Has(ExternalData),
            Length = arguments.ValueOf(SourceSize) is { } size ? SizeText.Require(size, "source size") : null,
            DestinationPath = PathOf(arguments.Operands[^1], isInput: false),
            IntoExisting = arguments.Has(IntoExisting),
            TargetIsZero = arguments.Has(TargetIsZero),
            AllocateAll = arguments.ValueOf(Sparse) is { } sparse && SizeText.Read(sparse) == 0,
            MaximumBytesPerSecond = CommonOptions.RateOf(arguments, CommonOptions.Rate),
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

    private static string PathOf(string operand, bool isInput)
        => StreamOperand.Is(operand) ? StreamOperand.NameOf(operand, isInput) : FileOperand.PathOf(operand);

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
