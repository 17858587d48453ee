using System;
using System.Collections.Generic;
using System.Linq;
using Qed.Operations;

namespace Qed.Tool.CommandLine;

/// <summary>Options that several commands share, each said once.</summary>
internal static class CommonOptions
{
    // Before the options that name them.
    private static readonly string[] FormatNames = FormatInfo.All.SelectMany(format => format.Aliases.Prepend(format.Name)).ToArray();

    private static readonly string[] CacheModes = ["none", "writeback", "writethrough", "directsync", "unsafe"];

    internal static CommandOption Help { get; } = new('h', "help", null, "Show this help.");

    internal static CommandOption Verbose { get; } = new('v', "verbose", null, "Tell on standard error what is done.");

    internal static CommandOption Format { get; } = FormatOption('f', "fmt", "Format of the image; found out where it is left out.");

    internal static CommandOption TargetFormat { get; } = FormatOption('O', "output_fmt", "Format of the new image; raw where it is left out.");

    internal static CommandOption Output { get; } = CommandOption.WithValue("output", "ofmt", "Write 'human' text or 'json'.") with { Suggestions = ["human", "json"] };

    internal static CommandOption Quiet { get; } = CommandOption.Switch('q', "Write nothing but errors.");

    internal static CommandOption Progress { get; } = CommandOption.Switch('p', "Show on a terminal how far the work is.");

    internal static CommandOption ForceShare { get; } = new('U', "force-share", null, "Accepted; but only info and check look at an image that somebody is writing.");

    internal static CommandOption Cache { get; } = CacheOption('t', "cache");

    internal static CommandOption SourceCache { get; } = CacheOption('T', "src_cache");

    internal static CommandOption BackingFormat { get; } = FormatOption('F', "backing_fmt", "Format of the backing file.");

    internal static CommandOption Rate { get; } = CommandOption.WithValue('r', "rate_limit", "Read at most so many bytes a second.");

    internal static CommandOption CreationOptions { get; } = CommandOption.WithValue('o', "options", "Options of the new image, 'name=value,...'; 'help' lists them.");

    /// <summary>What qemu-img has for images that are not files.</summary>
    internal static IReadOnlyList<CommandOption> Refused { get; } =
    [
        Refuse(null, "object", "objectdef", "there are no encryption keys or other objects here"),
        Refuse(null, "image-opts", null, "images are named by their path"),
    ];

    internal static CommandOption FormatOption(char letter, string valueName, string description)
        => CommandOption.WithValue(letter, valueName, description) with { Suggestions = FormatNames };

    internal static CommandOption Refuse(char? letter, string? longName, string? valueName, string reason)
        => new(letter, longName, valueName, "Not supported: " + reason + ".") { Refusal = reason };

    /// <summary>A command's options and those of every command.</summary>
    internal static IEnumerable<CommandOption> AllOf(ToolCommand command) => command.Options.Append(Verbose).Append(Help);

    internal static bool AskForHelp(string word) => word is "-h" or "--help";

    /// <summary>Whether the output is to be JSON.</summary>
    internal static bool WantsJson(ParsedArguments arguments) => arguments.ValueOf(Output) switch
    {
        null or "human" => false,
        "json" => true,
        _ => throw new UsageException("--output must be used with human or json as argument."),
    };

    /// <summary>The bytes that may be read in a second; null for any number.</summary>
    internal static long? RateOf(ParsedArguments arguments, CommandOption option)
        => arguments.ValueOf(option) is { } rate && SizeText.Require(rate, "rate limit") is > 0 and var limit ? limit : null;

    /// <summary>Throws for a cache mode that qemu-img does not know either.</summary>
    internal static void RequireCacheModes(ParsedArguments arguments)
    {
        foreach (CommandOption option in (ReadOnlySpan<CommandOption>)[Cache, SourceCache])
        {
            if (arguments.ValueOf(option) is { } mode && !CacheModes.Contains(mode, StringComparer.Ordinal))
                throw new UsageException($"Invalid {(option == Cache ? "cache" : "source cache")} option: {mode}");
        }
    }

    private static CommandOption CacheOption(char letter, string valueName)
        => CommandOption.WithValue(letter, valueName, "Accepted, for the same commands to go through: the cache is chosen here.") with { Suggestions = CacheModes };
}
