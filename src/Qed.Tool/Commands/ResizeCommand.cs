using Qed.Operations;
using Qed.Tool.CommandLine;

namespace Qed.Tool.Commands;

/// <summary><c>qed resize</c>: makes a disk larger or smaller where it lies.</summary>
internal static class ResizeCommand
{
    private const string ToMinimum = "minimum";

    private static readonly CommandOption Shrink = CommandOption.Switch("shrink", "Allow the disk to become smaller, which drops what lies beyond.");
    private static readonly CommandOption Preallocation = CommandOption.WithValue("preallocation", "off", "Accepted with 'off': new space takes none on the host.") with { Suggestions = ["off"] };

    internal static ToolCommand Definition { get; } = new()
    {
        Name = "resize",
        Summary = "Make a disk larger or smaller where it lies.",
        Operands = "filename [+|-]size",
        Remarks = $"The size '{ToMinimum}' cuts the disk behind the last byte that is not zero.",
        Options = [CommonOptions.Format, CommonOptions.Quiet, CommonOptions.Progress, Shrink, Preallocation, .. CommonOptions.Refused],
        LastIsOperand = true,
        Run = Run,
    };

    private static int Run(ParsedArguments arguments, Session session)
    {
        if (arguments.Operands.Count < 2)
            throw new UsageException("Not enough arguments", mayHelp: true);
        if (arguments.Operands.Count > 2)
            throw new UsageException("Expecting image file name and size", mayHelp: true);
        if (arguments.ValueOf(Preallocation) is not (null or "off"))
            throw new UsageException($"Unsupported preallocation mode '{arguments.ValueOf(Preallocation)}'");
        string path = FileOperand.PathOf(arguments.Operands[0]);
        string text = arguments.Operands[1];
        long? change = text == ToMinimum ? null : SizeOf(text.TrimStart('+', '-'));
        long current = InPlace.RequireChangeable(arguments, path).Size;
        long? size = text[0] switch
        {
            '+' => current <= long.MaxValue - change ? current + change : throw new UsageException("Invalid image size specified"),
            '-' => current - change,
            _ => change,
        };
        if (size <= 0)
            throw new UsageException("New image size must be positive");
        var options = new ResizeImageOptions { Path = path, Size = size, AllowShrink = arguments.Has(Shrink) };
        session.ShowProgress(progress => ResizeImage.Run(options, progress, session.Logger, session.Cancellation));
        session.Say("Image resized.");
        return ExitCode.Success;
    }

    private static long SizeOf(string text) => SizeText.Read(text) ?? throw new UsageException("""
        Parameter 'size' expects a non-negative number below 2^63
        Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, peta-
        and exabytes, respectively.
        """);
}
