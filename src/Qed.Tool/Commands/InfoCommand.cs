using System;
using System.Collections.Generic;
using System.Text.Json;
using Qed.Operations;
using Qed.Tool.CommandLine;
using Qed.Tool.Output;

namespace Qed.Tool.Commands;

/// <summary><c>qed info</c>: what an image's header says.</summary>
internal static class InfoCommand
{
    private static readonly CommandOption BackingChain = CommandOption.Switch("backing-chain", "Also describe what the image rests on.");

    internal static ToolCommand Definition { get; } = new()
    {
        Name = "info",
        Summary = "Tell what an image is, from its own header.",
        Operands = "filename",
        Options = [CommonOptions.Format, CommonOptions.Output, BackingChain, CommonOptions.ForceShare, .. CommonOptions.Refused],
        Run = Run,
    };

    private static int Run(ParsedArguments arguments, Session session)
    {
        bool isJson = CommonOptions.WantsJson(arguments);
        string path = FileOperand.Single(arguments);
        var options = new DescribeImageOptions { Path = path, SourceFormat = arguments.ValueOf(CommonOptions.Format) };
        bool withChain = arguments.Has(BackingChain);
        var images = new List<(string Name, ImageDescription Image)>();
        string name = FileOperand.NameOf(path);
        foreach (ImageDescription image in Links(options, withChain, session))
        {
            images.Add((name, image));
            if (image.BackingPath is { } backing)
                name = GivenPaths.BackingOf(name, backing);
        }

        if (isJson)
            Json.Write(session.Output, json => WriteAll(json, images, withChain));
        else
            session.Output.Write(string.Join(Environment.NewLine, images.ConvertAll(image => ImageInfoText.Of(image.Name, image.Image))));
        return ExitCode.Success;
    }

    private static IEnumerable<ImageDescription> Links(DescribeImageOptions options, bool withChain, Session session) => withChain
        ? DescribeImage.RunChain(options, null, session.Logger, session.Cancellation)
        : [DescribeImage.Run(options, null, session.Logger, session.Cancellation)];

    private static void WriteAll(Utf8JsonWriter json, List<(string Name, ImageDescription Image)> images, bool asArray)
    {
        if (asArray)
            json.WriteStartArray();
        foreach ((string name, ImageDescription image) in images)
            ImageInfoJson.Write(json, name, image);
        if (asArray)
            json.WriteEndArray();
    }
}
