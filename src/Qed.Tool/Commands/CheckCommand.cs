using Qed.Operations;
using Qed.Tool.CommandLine;
using Qed.Tool.Output;

namespace Qed.Tool.Commands;

/// <summary><c>qed check</c>: finds what is wrong with an image, and mends it where that is asked for.</summary>
internal static class CheckCommand
{
    private static readonly CommandOption Repair = CommandOption.WithValue('r', "leaks|all", "Repair lost space, or everything.") with { Suggestions = ["leaks", "all"] };
    private static readonly CommandOption ForceShare = new('U', "force-share", null, "As --online.");
    private static readonly CommandOption Online = CommandOption.Switch("online", "Check although another process may be writing the image.");
    private static readonly CommandOption Rate = CommandOption.WithValue("max-rate", "bytes", "Read at most so much a second.");
    private static readonly CommandOption Details = CommandOption.Switch("details", "List every finding.");
    private static readonly CommandOption DryRun = CommandOption.Switch("dry-run", "With -r: list what would be done, and change nothing.");
    private static readonly CommandOption Undo = CommandOption.Switch("undo", "Put the image back byte for byte as it was before a repair.");
    private static readonly CommandOption UndoPath = CommandOption.WithValue("undo-path", "file", "With -r or --undo: the undo file, where it does not lie beside the image.");
    private static readonly CommandOption DiscardUndo = CommandOption.Switch("discard-undo", "With -r: keep no undo file.");
    private static readonly CommandOption Force = CommandOption.Switch("force", "With --undo: also where the image was changed since, or the undo file is damaged.");

    internal static ToolCommand Definition { get; } = new()
    {
        Name = "check",
        Summary = "Find what is wrong with an image, and repair it.",
        Operands = "filename",
        Remarks = "Exit codes: 0 clean, 1 not checked, 2 corruptions, 3 lost space, 63 a format that is not checked. "
            + "A repair keeps an undo file beside the image, with the same name and '.undo'; "
            + "beside a block device there is none, so a repair there needs --undo-path.",
        Options =
        [
            CommonOptions.Quiet, CommonOptions.Format, CommonOptions.Output, Repair, CommonOptions.SourceCache, ForceShare, CommonOptions.Progress,
            Online, Rate, Details, DryRun, Undo, UndoPath, DiscardUndo, Force, .. CommonOptions.Refused,
        ],
        Run = Run,
    };

    private static int Run(ParsedArguments arguments, Session session)
    {
        bool isJson = CommonOptions.WantsJson(arguments);
        CommonOptions.RequireCacheModes(arguments);
        RepairMode? mode = arguments.ValueOf(Repair) switch
        {
            null => null,
            "leaks" => RepairMode.Leaks,
            "all" => RepairMode.All,
            var other => throw new UsageException("Unknown option value for -r (expecting 'leaks' or 'all'): " + other, mayHelp: true),
        };
        string path = FileOperand.Single(arguments);
        if (arguments.Has(Undo))
            return PutBack(arguments, path, session);
        InPlace.Describe(arguments, path, out FormatInfo format);
        if (!format.IsChangedInPlace)
        {
            session.Complain("This image format does not support checks");
            return ExitCode.NotCheckable;
        }

        CheckReport report = mode is { } repair ? Mend(arguments, path, repair, session) : new CheckReport { Check = Check(arguments, path, session) };
        report = report with { FileName = arguments.Operands[0], Format = format.QemuName, WithDetails = arguments.Has(Details) || arguments.Has(DryRun) };
        if (isJson && !session.IsQuiet)
            Json.Write(session.Output, report.WriteJson);
        else if (!session.IsQuiet)
            report.WriteText(session.Output);
        return report.Check.Status switch
        {
            CheckStatus.Corrupt => ExitCode.Corruptions,
            CheckStatus.Leaked => ExitCode.Leaks,
            _ => ExitCode.Success,
        };
    }

    private static CheckResult Check(ParsedArguments arguments, string path, Session session)
    {
        var options = new CheckImageOptions
        {
            Path = path,
            Online = arguments.Has(Online) || arguments.Has(ForceShare),
            MaximumBytesPerSecond = arguments.ValueOf(Rate) is { } rate ? SizeText.Require(rate, "rate limit") : null,
        };
        return session.ShowProgress(progress => CheckImage.Run(options, progress, session.Logger, session.Cancellation));
    }

    private static CheckReport Mend(ParsedArguments arguments, string path, RepairMode mode, Session session)
    {
        var options = new RepairImageOptions { Path = path, Mode = mode, UndoPath = arguments.ValueOf(UndoPath), DiscardUndo = arguments.Has(DiscardUndo) };
        bool isDryRun = arguments.Has(DryRun);
        RepairResult result = session.ShowProgress(progress => isDryRun
            ? RepairImage.Plan(options, progress, session.Logger, session.Cancellation)
            : RepairImage.Run(options, progress, session.Logger, session.Cancellation));
        return new CheckReport { Check = result.After, Repair = result, IsUndoElsewhere = arguments.Has(UndoPath) };
    }

    private static int PutBack(ParsedArguments arguments, string path, Session session)
    {
        var options = new UndoRepairOptions { Path = path, UndoPath = arguments.ValueOf(UndoPath), Force = arguments.Has(Force) };
        UndoResult result = session.ShowProgress(progress => UndoRepair.Run(options, progress, session.Logger, session.Cancellation));
        if (result.IsExact)
            session.Say("The image is as it was before the repair.");
        return result.UndoPath is null ? ExitCode.Success : ExitCode.Failure;
    }
}
