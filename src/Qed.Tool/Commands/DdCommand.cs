using System;
using System.Globalization;
using Qed.Operations;
using Qed.Tool.CommandLine;

namespace Qed.Tool.Commands;

/// <summary><c>qed dd</c>: a part of a disk, in whole blocks, as a new image.</summary>
internal static class DdCommand
{
    private const long DefaultBlock = 512;

    internal static ToolCommand Definition { get; } = new()
    {
        Name = "dd",
        Summary = "Write a part of a disk, in whole blocks, into a new image.",
        Operands = "[bs=block_size] [count=blocks] [skip=blocks] if=input of=output",
        Remarks = "Blocks have 512 bytes unless bs says otherwise; count blocks are copied from behind the first skip blocks.",
        Options = [CommonOptions.Format, CommonOptions.TargetFormat, CommonOptions.ForceShare, .. CommonOptions.Refused],
        Run = Run,
    };

    private static int Run(ParsedArguments arguments, Session session)
    {
        Request request = Read(arguments);
        string? format = arguments.ValueOf(CommonOptions.Format);
        string target = arguments.ValueOf(CommonOptions.TargetFormat) ?? FormatInfo.Raw.Name;
        string path = FileOperand.PathOf(request.Input!);
        long size = DescribeImage.Run(new DescribeImageOptions { Path = path, SourceFormat = format }).Size;
        UInt128 start = (UInt128)request.Skip * (UInt128)request.Block;
        if (start > (UInt128)size)
            session.Complain($"{request.Input}: cannot skip to specified offset");
        long offset = (long)UInt128.Min(start, (UInt128)size);
        long length = (long)UInt128.Min((UInt128)(request.Count ?? long.MaxValue) * (UInt128)request.Block, (UInt128)(size - offset));
        bool isStream = StreamOperand.Is(request.Output!);
        using System.IO.Stream? stream = isStream ? StreamOperand.OpenOutput(request.Output!, session) : null;
        var options = new ConvertImageOptions
        {
            Path = path,
            SourceFormat = format,
            Offset = offset,
            Length = length,
            DestinationPath = isStream ? StreamOperand.NameOf(request.Output!, isInput: false) : FileOperand.PathOf(request.Output!),
            DestinationStream = stream,
            Format = target,
            Force = true,
        };
        ConvertImage.Run(options, null, session.Logger, session.Cancellation);
        return ExitCode.Success;
    }

    private static Request Read(ParsedArguments arguments)
    {
        var request = new Request();
        foreach (string operand in arguments.Operands)
        {
            string[] parts = operand.Split('=', 2);
            request = parts switch
            {
                ["bs", var value] => request with { Block = Number("bs", value, 1, int.MaxValue) },
                ["count", var value] => request with { Count = Number("count", value, 0, long.MaxValue) },
                ["skip", var value] => request with { Skip = Number("skip", value, 0, long.MaxValue) },
                ["if", var value] => request with { Input = value },
                ["of", var value] => request with { Output = value },
                _ => throw new UsageException("unrecognized operand " + parts[0]),
            };
        }

        return request is { Input: not null, Output: not null } ? request : throw new UsageException("Must specify both input and output files");
    }

    private static long Number(string name, string text, long least, long most)
    {
        long value = SizeText.Require(text, name);
        return value >= least && value <= most ? value
            : throw new UsageException(string.Create(CultureInfo.InvariantCulture, $"Invalid {name} specified. Must be between {least} and {most}."));
    }

    private sealed record Request
    {
        internal long Block { get; init; } = DefaultBlock;

        internal long? Count { get; init; }

        internal long Skip { get; init; }

        internal string? Input { get; init; }

        internal string? Output { get; init; }
    }
}
