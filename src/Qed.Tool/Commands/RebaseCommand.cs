using Qed.Operations;
using Qed.Tool.CommandLine;

namespace Qed.Tool.Commands;

/// <summary><c>qed rebase</c>: another backing file under an image, or none.</summary>
internal static class RebaseCommand
{
    private static readonly CommandOption Backing = CommandOption.WithValue('b', "backing_file", "New backing file, relative to the image; '' makes the image self-contained.") with { NamesFile = true };
    private static readonly CommandOption Unsafe = CommandOption.Switch('u', "Change the name alone, trusting that the contents are equal.");

    internal static ToolCommand Definition { get; } = new()
    {
        Name = "rebase",
        Summary = "Give an image another backing file, or none; the guest sees no difference.",
        Operands = "filename",
        Options =
        [
            CommonOptions.Format, Backing, CommonOptions.BackingFormat, Unsafe, CommonOptions.Cache, CommonOptions.SourceCache, CommonOptions.Progress,
            CommonOptions.Quiet, CommonOptions.ForceShare, .. CommonOptions.Refused,
        ],
        Run = Run,
    };

    private static int Run(ParsedArguments arguments, Session session)
    {
        string path = FileOperand.Single(arguments);
        string? backing = arguments.ValueOf(Backing);
        bool nameOnly = arguments.Has(Unsafe);
        if (backing is null && !nameOnly)
            throw new UsageException("Must specify backing file (-b) or use unsafe mode (-u)", mayHelp: true);
        CommonOptions.RequireCacheModes(arguments);
        InPlace.RequireChangeable(arguments, path);
        string? format = arguments.ValueOf(CommonOptions.BackingFormat);
        bool hasBacking = !string.IsNullOrEmpty(backing);
        if (hasBacking && format is null)
            throw new UsageException($"Could not change the backing file to '{backing}': backing format must be specified");
        var options = new SetBackingFileOptions
        {
            Path = path,
            BackingPath = hasBacking ? backing : null,
            BackingFormat = hasBacking ? format : null,
            MetadataOnly = nameOnly,
        };
        session.ShowProgress(progress => SetBackingFile.Run(options, progress, session.Logger, session.Cancellation));
        return ExitCode.Success;
    }
}
