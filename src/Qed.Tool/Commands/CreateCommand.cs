using System;
using Qed.Operations;
using Qed.Tool.CommandLine;
using Qed.Tool.Output;

namespace Qed.Tool.Commands;

/// <summary><c>qed create</c>: an empty image, or an overlay on a backing file.</summary>
internal static class CreateCommand
{
    private static readonly CommandOption Format = CommonOptions.FormatOption('f', "fmt", "Format of the new image; raw where it is left out.");
    private static readonly CommandOption Backing = CommandOption.WithValue('b', "backing_file", "Backing file, relative to the new image.") with { NamesFile = true };
    private static readonly CommandOption Unsafe = CommandOption.Switch('u', "Do not open the backing file, which then need not exist.");
    private static readonly CommandOption NoOverwrite = CommandOption.Switch("no-overwrite", "Fail where the file exists.");

    internal static ToolCommand Definition { get; } = new()
    {
        Name = "create",
        Summary = "Create an empty image, or an overlay on a backing file.",
        Operands = "filename [size]",
        Remarks = "The size can be left out with a backing file, whose size the image then has. An existing file is replaced, as qemu-img does.",
        Options =
        [
            CommonOptions.Quiet, Format, Backing, CommonOptions.BackingFormat, Unsafe, CommonOptions.CreationOptions, NoOverwrite,
            CommonOptions.Refused[0],
        ],
        Run = Run,
    };

    private static int Run(ParsedArguments arguments, Session session)
    {
        if (NewImageSettings.AnswersHelp(Format, arguments, session))
            return ExitCode.Success;

        NewImageSettings settings = NewImageSettings.Read(Format, arguments);
        CreateImageOptions options = Complete(settings, arguments);
        ImageDescription image = CreateImage.Run(options, logger: session.Logger, cancellation: session.Cancellation);
        session.Say($"Formatting '{Printable.Text(arguments.Operands[0])}', {Printable.Text(settings.Describe(options.Size ?? image.Size))}");
        return ExitCode.Success;
    }

    /// <summary>The error of a backing file without its format: that it is not there at all, or which format it has.</summary>
    private static Exception FormatMissing(string path, string backing, bool mayBeMissing)
    {
        const string Rule = "Backing file specified without backing format";
        if (mayBeMissing || StoredName.IsPseudoProtocol(backing))
            return new UsageException($"{path}: {Rule}");
        try
        {
            ImageDescription found = DescribeImage.Run(new DescribeImageOptions { Path = GivenPaths.BackingOf(path, backing) });
            return new UsageException($"{path}: {Rule}\nDetected format of {FormatInfo.ByName(found.Format).QemuName}.");
        }
        catch (DiskImageException error)
        {
            return error.Kind == ErrorKind.ImageNotFound
                ? new DiskImageException(ErrorKind.BackingFileMissing, $"the backing file '{error.Path}' does not exist", path, error)
                : new UsageException($"{path}: {Rule}");
        }
    }

    private static CreateImageOptions Complete(NewImageSettings settings, ParsedArguments arguments)
    {
        if (arguments.Operands.Count == 0)
            throw new UsageException("Expecting image file name", mayHelp: true);
        if (arguments.Operands.Count > 2)
            throw new UsageException("Unexpected argument: " + arguments.Operands[2], mayHelp: true);
        string path = FileOperand.PathOf(arguments.Operands[0]);
        settings.Set(CreationSetting.BackingPath, arguments.ValueOf(Backing));
        settings.Set(CreationSetting.BackingFormat, arguments.ValueOf(CommonOptions.BackingFormat));
        if (settings.BackingPath is { Length: 0 })
            throw new UsageException($"{path}: Expected backing file name, got empty string");
        if (settings.BackingPath is not null && settings.BackingFormat is null)
            throw FormatMissing(path, settings.BackingPath, arguments.Has(Unsafe));
        long? size = settings.Size;
        if (arguments.Operands.Count == 2)
        {
            if (size is not null)
                throw new UsageException($"{path}: The image size must be specified only once");
            size = SizeText.Require(arguments.Operands[1], "image size");
        }

        return new CreateImageOptions
        {
            Path = path,
            Format = settings.Format.Name,
            Subformat = settings.Subformat,
            Size = size,
            RoundUpSize = true,
            ClusterSize = settings.ClusterSize,
            TableSize = settings.TableSize,
            LogicalSectorSize = settings.LogicalSectorSize,
            PhysicalSectorSize = settings.PhysicalSectorSize,
            BackingPath = settings.BackingPath,
            BackingFormat = settings.BackingFormat,
            WithoutOpeningBacking = arguments.Has(Unsafe),
            Force = !arguments.Has(NoOverwrite),
        };
    }
}
