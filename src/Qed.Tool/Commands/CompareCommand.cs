using System;
using System.Globalization;
using Qed.Operations;
using Qed.Tool.CommandLine;

namespace Qed.Tool.Commands;

/// <summary><c>qed compare</c>: whether a guest sees the same in two images.</summary>
internal static class CompareCommand
{
    private static readonly CommandOption SecondFormat = CommonOptions.FormatOption('F', "fmt", "Format of the second image.");
    private static readonly CommandOption Strict = CommandOption.Switch('s', "Images of different sizes differ although only zeroes are between.");

    internal static ToolCommand Definition { get; } = new()
    {
        Name = "compare",
        Summary = "Tell whether a guest sees the same in two images.",
        Operands = "filename1 filename2",
        Remarks = "Exit codes: 0 identical, 1 different, 2 not compared.",
        Options =
        [
            CommonOptions.Format, SecondFormat, Strict, CommonOptions.SourceCache, CommonOptions.Progress, CommonOptions.Quiet,
            CommonOptions.ForceShare, .. CommonOptions.Refused,
        ],
        FailureCode = ExitCode.CompareFailure,
        Run = Run,
    };

    private static int Run(ParsedArguments arguments, Session session)
    {
        if (arguments.Operands.Count != 2)
            throw new UsageException("Expecting two image file names", mayHelp: true);
        try
        {
            CommonOptions.RequireCacheModes(arguments);
        }
        catch (UsageException error)
        {
            session.Complain(error.Message);
            return ExitCode.CompareFailure;
        }

        var options = new CompareImagesOptions
        {
            Path = FileOperand.PathOf(arguments.Operands[0]),
            SourceFormat = arguments.ValueOf(CommonOptions.Format),
            DifferencePath = FileOperand.PathOf(arguments.Operands[1]),
            DifferenceFormat = arguments.ValueOf(SecondFormat),
            Strict = arguments.Has(Strict),
            FirstOnly = true,
        };
        return Tell(session.ShowProgress(progress => CompareImages.Run(options, progress, session.Logger, session.Cancellation)), options.Strict, session);
    }

    private static int Tell(CompareResult result, bool isStrict, Session session)
    {
        bool sameSize = result.Size == result.DifferenceSize;
        if (isStrict && !sameSize)
        {
            session.Say("Strict mode: Image size mismatch!");
            return ExitCode.Failure;
        }

        // Whoever learns that what both have differs need not be warned that one has more.
        if (!sameSize && !(result.FirstDifference < Math.Min(result.Size, result.DifferenceSize)))
            session.Say("Warning: Image size mismatch!");
        session.Say(result.FirstDifference is { } first
            ? $"Content mismatch at offset {first.ToString(CultureInfo.InvariantCulture)}!"
            : "Images are identical.");
        return result.IsEqual ? ExitCode.Success : ExitCode.Failure;
    }
}
