using System;
using System.Collections.Generic;
using System.Linq;
using Qed.Operations;
using Qed.Tool.CommandLine;
using Qed.Tool.Output;

namespace Qed.Tool.Commands;

/// <summary><c>qed map</c>: where the guest's bytes lie.</summary>
internal static class MapCommand
{
    private static readonly CommandOption Start = new('s', "start-offset", "offset", "Begin at this byte of the disk.");
    private static readonly CommandOption Length = new('l', "max-length", "len", "Map so many bytes.");

    internal static ToolCommand Definition { get; } = new()
    {
        Name = "map",
        Summary = "Tell where the guest's bytes lie, through the backing chain.",
        Operands = "filename",
        Options = [CommonOptions.Format, Start, Length, CommonOptions.Output, CommonOptions.ForceShare, .. CommonOptions.Refused],
        Run = Run,
    };

    private static int Run(ParsedArguments arguments, Session session)
    {
        bool isJson = CommonOptions.WantsJson(arguments);
        string path = FileOperand.Single(arguments);
        string? format = arguments.ValueOf(CommonOptions.Format);
        long start = arguments.ValueOf(Start) is { } from ? SizeText.Require(from, "start offset") : 0;
        long length = arguments.ValueOf(Length) is { } most ? SizeText.Require(most, "max length") : long.MaxValue;
        long end = start + Math.Min(length, long.MaxValue - start);
        IEnumerable<MappedExtent> extents = MapImage.Run(new MapImageOptions { Path = path, SourceFormat = format }, null, session.Logger, session.Cancellation)
            .Select(extent => MapText.Clip(extent, start, end))
            .Where(extent => extent.Length > 0);
        if (isJson)
        {
            MapText.WriteJson(session.Output, extents, start);
            return ExitCode.Success;
        }

        Dictionary<string, string> names = NamesByPath(path, format);
        if (MapText.WriteTable(session.Output, extents, file => names.GetValueOrDefault(file, file)))
            return ExitCode.Success;
        session.Complain("File contains external, encrypted or compressed clusters.");
        return ExitCode.Failure;
    }

    /// <summary>The images of the chain as the user would name them, by the full paths that the engine knows.</summary>
    private static Dictionary<string, string> NamesByPath(string path, string? format)
    {
        var names = new Dictionary<string, string>();
        string name = path;
        foreach (ImageDescription link in DescribeImage.RunChain(new DescribeImageOptions { Path = path, SourceFormat = format }))
        {
            names[link.Path] = name;
            if (link.BackingPath is { } backing)
                name = GivenPaths.BackingOf(name, backing);
        }

        return names;
    }
}
