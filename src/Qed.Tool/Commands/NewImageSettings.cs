using System;
using System.Collections.Generic;
using System.Linq;
using Qed.Operations;
using Qed.Tool.CommandLine;
using static Qed.Tool.Output.Digits;

namespace Qed.Tool.Commands;

/// <summary>What <c>-o</c> says of a new image, by the options that its format has.</summary>
internal sealed class NewImageSettings
{
    // Options of the file that holds an image; what they ask for is what is done.
    private static readonly CreationOption[] FileOptions =
    [
        new("preallocation", CreationSetting.Constant, CreationValue.Text, "Preallocation mode (allowed values: off)") { Choices = [new("off")] },
        new("nocow", CreationSetting.Constant, CreationValue.Switch, "Turn off copy-on-write (allowed values: off)") { Choices = [new("off")] },
    ];

    private readonly Dictionary<CreationOption, string> _given = [];

    private NewImageSettings(FormatInfo format) => Format = format;

    internal FormatInfo Format { get; }

    internal long? Size { get; private set; }

    internal string? BackingPath { get; private set; }

    internal string? BackingFormat { get; private set; }

    internal long? ClusterSize { get; private set; }

    internal int? TableSize { get; private set; }

    internal Subformat Subformat { get; private set; }

    internal int? LogicalSectorSize { get; private set; }

    internal int? PhysicalSectorSize { get; private set; }

    /// <summary>Lists the format's options where that is asked for, and tells whether it was.</summary>
    /// <param name="formatOption">The option that names the new image's format.</param>
    /// <param name="arguments">What was given.</param>
    /// <param name="session">Where the list goes.</param>
    internal static bool AnswersHelp(CommandOption formatOption, ParsedArguments arguments, Session session)
    {
        bool isAskedFor = OptionList.AsksForHelp(arguments.ValuesOf(CommonOptions.CreationOptions));
        if (isAskedFor)
            WriteHelp(FormatOf(formatOption, arguments), session);
        return isAskedFor;
    }

    /// <summary>Reads all lists that were given.</summary>
    /// <param name="formatOption">The option that names the new image's format.</param>
    /// <param name="arguments">What was given.</param>
    /// <exception cref="UsageException">An option that the format lacks, or a value that it does not take.</exception>
    internal static NewImageSettings Read(CommandOption formatOption, ParsedArguments arguments)
    {
        var settings = new NewImageSettings(FormatOf(formatOption, arguments));
        foreach ((string name, string? value) in arguments.ValuesOf(CommonOptions.CreationOptions).SelectMany(OptionList.Parse))
            settings.Set(settings.Find(name), value);
        return settings;
    }

    /// <summary>Adds what an option of the command line says, which counts more than the same said by <c>-o</c>.</summary>
    internal void Set(CreationSetting setting, string? value)
    {
        if (value is null)
            return;
        CreationOption? option = CreationOptions.Of(Format).FirstOrDefault(option => option.Setting == setting)
            ?? throw new UsageException($"Backing file not supported for file format '{Format.QemuName}'");
        Set(option, value);
    }

    /// <summary>All settings in QEMU's words, those that were not given with the values that it shows for them.</summary>
    internal string Describe(long size)
    {
        IEnumerable<string> words = CreationOptions.Of(Format).Concat(FileOptions)
            .Select(option => (option.Name, Value: option.Setting == CreationSetting.Size ? Number(size) : _given.GetValueOrDefault(option) ?? option.Default))
            .Where(setting => setting.Value is not null)
            .Select(setting => $"{setting.Name}={setting.Value}");
        return $"fmt={Format.QemuName} " + string.Join(' ', words);
    }

    private static FormatInfo FormatOf(CommandOption formatOption, ParsedArguments arguments)
        => arguments.ValueOf(formatOption) is { } name ? FormatInfo.ByName(name) : FormatInfo.Raw;

    private static void WriteHelp(FormatInfo format, Session session)
    {
        session.Output.WriteLine($"Supported {format.QemuName} options:");
        foreach (CreationOption option in CreationOptions.Of(format).Concat(FileOptions).OrderBy(option => option.Name, StringComparer.Ordinal))
            session.Output.WriteLine($"  {option.Name}={TypeOf(option)}".PadRight(24) + $" - {option.Description}{ChoicesOf(option)}");
    }

    private static string TypeOf(CreationOption option) => option.Value switch
    {
        CreationValue.Size => "<size>",
        CreationValue.Number => "<num>",
        CreationValue.Switch => "<bool (on/off)>",
        _ => "<str>",
    };

    private static string ChoicesOf(CreationOption option)
        => option.Choices.Count == 0 || FileOptions.Contains(option) ? string.Empty : $" (allowed values: {string.Join(", ", option.Choices.Select(choice => choice.Text))})";

    private CreationOption Find(string name)
        => CreationOptions.Of(Format).Concat(FileOptions).FirstOrDefault(option => option.Name == name) ?? throw new UsageException($"Invalid parameter '{name}'");

    private void Set(CreationOption option, string? text)
    {
        string value = Canonical(option, text);
        _given[option] = value;
        CreationChoice? choice = option.Choices.FirstOrDefault(choice => Canonical(option, choice.Text) == value);
        if (option.Choices.Count > 0 && choice is null)
        {
            throw new UsageException(
                $"Parameter '{option.Name}' does not accept value '{text}'; it can be {string.Join(" or ", option.Choices.Select(choice => choice.Text))}");
        }

        switch (option.Setting)
        {
            case CreationSetting.Size:
                Size = Bytes(option, value);
                break;
            case CreationSetting.BackingPath:
                BackingPath = value;
                break;
            case CreationSetting.BackingFormat:
                BackingFormat = value;
                break;
            case CreationSetting.ClusterSize:
                // Zero leaves the choice to the format.
                ClusterSize = Bytes(option, value) is > 0 and var size ? size : null;
                break;
            case CreationSetting.TableSize:
                TableSize = (int)Math.Min(int.MaxValue, Bytes(option, value));
                break;
            case CreationSetting.Subformat:
                Subformat = choice!.Subformat;
                break;
            case CreationSetting.LogicalSectorSize:
                LogicalSectorSize = (int)Bytes(option, value);
                break;
            case CreationSetting.PhysicalSectorSize:
                PhysicalSectorSize = (int)Bytes(option, value);
                break;
            default:
                break;
        }
    }

    /// <summary>A value in the one spelling that it is shown and compared in.</summary>
    private static string Canonical(CreationOption option, string? text) => option.Value switch
    {
        CreationValue.Size => Number(Bytes(option, text ?? string.Empty)),
        CreationValue.Switch => text switch
        {
            null or "on" or "yes" or "true" or "y" => "on",
            "off" or "no" or "false" or "n" => "off",
            _ => throw new UsageException($"Parameter '{option.Name}' expects 'on' or 'off'"),
        },
        _ => text ?? throw new UsageException($"Parameter '{option.Name}' expects a value"),
    };

    private static long Bytes(CreationOption option, string text)
        => SizeText.Read(text) ?? throw new UsageException($"""
            Parameter '{option.Name}' expects a non-negative number below 2^63
            Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, peta-
            and exabytes, respectively.
            """);
}
