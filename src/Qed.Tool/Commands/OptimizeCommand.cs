using Qed.Operations;
using Qed.Tool.CommandLine;

namespace Qed.Tool.Commands;

/// <summary><c>qed optimize</c>: makes an image's file as short as what it holds, where it lies.</summary>
internal static class OptimizeCommand
{
    private static readonly CommandOption Mode = CommandOption.WithValue('m', "mode", "quick, full (also free clusters of zeroes) or defragment (also bring data into order).")
        with { Suggestions = ["quick", "full", "defragment"] };

    private static readonly CommandOption DryRun = CommandOption.Switch("dry-run", "Say what it would come to, and change nothing.");

    internal static ToolCommand Definition { get; } = new()
    {
        Name = "optimize",
        Summary = "Give back the space of an image that nothing uses.",
        Operands = "filename",
        Remarks = "The guest sees no difference. It can be stopped at any moment, and run again.",
        Options = [CommonOptions.Format, CommonOptions.Quiet, CommonOptions.Progress, Mode, DryRun, .. CommonOptions.Refused],
        Run = Run,
    };

    private static int Run(ParsedArguments arguments, Session session)
    {
        OptimizeMode mode = arguments.ValueOf(Mode) switch
        {
            null or "quick" => OptimizeMode.Quick,
            "full" => OptimizeMode.Full,
            "defragment" => OptimizeMode.Defragment,
            var other => throw new UsageException("Unknown option value for -m (expecting 'quick', 'full' or 'defragment'): " + other, mayHelp: true),
        };
        string path = FileOperand.Single(arguments);
        InPlace.RequireChangeable(arguments, path);
        var options = new OptimizeImageOptions { Path = path, Mode = mode };
        OptimizeResult result = session.ShowProgress(progress => arguments.Has(DryRun)
            ? OptimizeImage.Plan(options, progress, session.Logger, session.Cancellation)
            : OptimizeImage.Run(options, progress, session.Logger, session.Cancellation));
        string would = result.IsPlan ? "would be " : string.Empty;
        session.Say($"{ByteSize.FormatShort(result.GainedBytes)} {would}given back, {ByteSize.FormatShort(result.MovedBytes)} {would}moved.");
        return ExitCode.Success;
    }
}
