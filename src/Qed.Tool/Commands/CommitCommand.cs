using System.Linq;
using Qed.Operations;
using Qed.Tool.CommandLine;

namespace Qed.Tool.Commands;

/// <summary><c>qed commit</c>: writes what an image holds into one that it rests on.</summary>
internal static class CommitCommand
{
    private static readonly CommandOption Base = CommandOption.WithValue('b', "base", "Merge into this image of the chain; implies -d. The backing file where it is left out.") with { NamesFile = true };
    private static readonly CommandOption Keep = CommandOption.Switch('d', "Keep the image as it is, where it would be emptied afterwards.");
    private static readonly CommandOption DeleteSource = CommandOption.Switch("delete-source", "Delete the image, and those between it and the base, once all of it was verified.");
    private static readonly CommandOption SearchPath = CommandOption.WithValue("search-path", "folder", "Look for images that rest on what changes in this folder too, and in all within it; may be given again.") with { NamesFile = true };
    private static readonly CommandOption Force = CommandOption.Switch("force", "Merge although other images rest on what changes: they read differently afterwards.");
    private static readonly CommandOption DryRun = CommandOption.Switch("dry-run", "Say how much would be written, and change nothing.");

    internal static ToolCommand Definition { get; } = new()
    {
        Name = "commit",
        Summary = "Write what an image holds into its backing file, or into one further down its chain.",
        Operands = "filename",
        Remarks = "Only what differs is written, and the image reads the same throughout; it can be stopped at any moment, and run again. "
            + "A smaller base grows; a larger one keeps what lies behind the image's end.",
        Options =
        [
            CommonOptions.Format, CommonOptions.Cache, Base, CommonOptions.Rate, Keep, DeleteSource, SearchPath, Force, DryRun, CommonOptions.Progress, CommonOptions.Quiet,
            .. CommonOptions.Refused,
        ],
        Run = Run,
    };

    private static int Run(ParsedArguments arguments, Session session)
    {
        string path = FileOperand.Single(arguments);
        CommonOptions.RequireCacheModes(arguments);
        if (arguments.Has(DeleteSource) && arguments.Has(Keep))
            throw new UsageException("-d and --delete-source exclude each other");
        var options = new MergeImageOptions
        {
            Path = path,
            SourceFormat = arguments.ValueOf(CommonOptions.Format),
            DestinationPath = arguments.ValueOf(Base) is { } name ? FileOperand.PathOf(name) : null,
            Overlay = arguments.Has(DeleteSource) ? MergedOverlay.Deleted
                : arguments.Has(Keep) || arguments.Has(Base) ? MergedOverlay.Kept
                : MergedOverlay.Emptied,
            SearchPaths = [.. arguments.ValuesOf(SearchPath).Select(FileOperand.PathOf)],
            Force = arguments.Has(Force),
            MaximumBytesPerSecond = CommonOptions.RateOf(arguments, CommonOptions.Rate),
        };
        MergeResult result = session.ShowProgress(progress => arguments.Has(DryRun)
            ? MergeImage.Plan(options, progress, session.Logger, session.Cancellation)
            : MergeImage.Run(options, progress, session.Logger, session.Cancellation));
        session.Say(result.IsPlan
            ? $"{ByteSize.FormatShort(result.WrittenBytes)} would be written into '{result.Before.Path}', {ByteSize.FormatShort(result.ZeroedBytes)} made zeroes."
            : "Image committed.");
        return ExitCode.Success;
    }
}
