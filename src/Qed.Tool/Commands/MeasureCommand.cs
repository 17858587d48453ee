using System.Globalization;
using Qed.Operations;
using Qed.Tool.CommandLine;
using Qed.Tool.Output;

namespace Qed.Tool.Commands;

/// <summary><c>qed measure</c>: how much room a new image would take.</summary>
internal static class MeasureCommand
{
    private static readonly CommandOption Size = CommandOption.WithValue("size", "N", "Measure an empty disk of this size instead of an image.");
    private static readonly CommandOption Compress = CommandOption.Switch('c', "Of compressed data; with --exact.");
    private static readonly CommandOption Exact = CommandOption.Switch("exact", "Read the data, and leave out what of it is zero.");

    internal static ToolCommand Definition { get; } = new()
    {
        Name = "measure",
        Summary = "Tell how large the file of a new image would be.",
        Operands = "[filename]",
        Remarks = "The numbers are those of images that this program writes, of every format.",
        Options =
        [
            CommonOptions.Format, CommonOptions.TargetFormat, CommonOptions.CreationOptions, Size, CommonOptions.Output, CommonOptions.ForceShare, Compress, Exact,
            .. CommonOptions.Refused, CommonOptions.Refuse('l', null, "snapshot", "internal snapshots are not measured"),
        ],
        Run = Run,
    };

    private static int Run(ParsedArguments arguments, Session session)
    {
        if (NewImageSettings.AnswersHelp(CommonOptions.TargetFormat, arguments, session))
            return ExitCode.Success;

        bool isJson = CommonOptions.WantsJson(arguments);
        NewImageSettings settings = NewImageSettings.Read(CommonOptions.TargetFormat, arguments);
        MeasureResult measure = MeasureImage.Run(Options(settings, arguments), null, session.Logger, session.Cancellation);
        if (isJson)
        {
            Json.Write(session.Output, json =>
            {
                json.WriteStartObject();
                json.WriteNumber("required", measure.FileSize);
                json.WriteNumber("fully-allocated", measure.FullyAllocatedSize);
                json.WriteEndObject();
            });
        }
        else
        {
            session.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"required size: {measure.FileSize}"));
            session.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"fully allocated size: {measure.FullyAllocatedSize}"));
        }

        return ExitCode.Success;
    }

    private static MeasureImageOptions Options(NewImageSettings settings, ParsedArguments arguments)
    {
        long? size = arguments.ValueOf(Size) is { } text ? SizeText.Require(text, "image size") : null;
        if (size is not null && arguments.Operands.Count > 0)
            throw new UsageException("--size N cannot be used together with a filename.");
        if (size is null && arguments.Operands.Count != 1)
            throw new UsageException("Either --size N or one filename must be specified.");
        if (settings.BackingPath is not null || settings.Size is not null)
            throw new UsageException("the options 'backing_file' and 'size' are not supported here: whole images are measured");
        return new MeasureImageOptions
        {
            Path = size is null ? FileOperand.Single(arguments) : null,
            Size = size,
            Format = settings.Format.Name,
            SourceFormat = arguments.ValueOf(CommonOptions.Format),
            Subformat = settings.Subformat,
            ClusterSize = settings.ClusterSize,
            TableSize = settings.TableSize,
            Compress = arguments.Has(Compress),
            Exact = arguments.Has(Exact),
        };
    }
}
