using System.Collections.Generic;

namespace Qed.Tool.CommandLine;

/// <summary>What an option of a new image sets.</summary>
internal enum CreationSetting
{
    /// <summary>Nothing: this engine writes one value only, and takes no other.</summary>
    Constant,

    /// <summary>Bytes of the guest's disk.</summary>
    Size,

    /// <summary>The backing file's name.</summary>
    BackingPath,

    /// <summary>The backing file's format.</summary>
    BackingFormat,

    /// <summary>Bytes in a cluster (block, grain).</summary>
    ClusterSize,

    /// <summary>Clusters in a table.</summary>
    TableSize,

    /// <summary>The variant of the format.</summary>
    Subformat,

    /// <summary>Bytes in a sector as the guest addresses it.</summary>
    LogicalSectorSize,

    /// <summary>Bytes in a sector as the disk tells its guest that it writes it.</summary>
    PhysicalSectorSize,
}

/// <summary>How the value of an option is written.</summary>
internal enum CreationValue
{
    /// <summary>Any text.</summary>
    Text,

    /// <summary>Bytes, with or without a suffix: "64k".</summary>
    Size,

    /// <summary>A plain number.</summary>
    Number,

    /// <summary>"on" or "off".</summary>
    Switch,
}

/// <summary>A value that an option takes.</summary>
/// <param name="Text">The value as it is written.</param>
/// <param name="Subformat">The variant that it stands for, where it stands for one.</param>
internal sealed record CreationChoice(string Text, Subformat Subformat = Subformat.Dynamic);

/// <summary>An option of a new image, by the name that QEMU's users know it by: <c>-o name=value</c>.</summary>
/// <param name="Name">The option's name.</param>
/// <param name="Setting">What it sets.</param>
/// <param name="Value">How its value is written.</param>
/// <param name="Description">What it is, in a few words.</param>
internal sealed record CreationOption(string Name, CreationSetting Setting, CreationValue Value, string Description)
{
    /// <summary>The value where none is given, as QEMU shows it; null where it shows none.</summary>
    internal string? Default { get; init; }

    /// <summary>All values that are taken; empty where any can be.</summary>
    internal IReadOnlyList<CreationChoice> Choices { get; init; } = [];

    internal static CreationOption Size { get; } = new("size", CreationSetting.Size, CreationValue.Size, "Virtual disk size");

    internal static CreationOption BackingFile { get; } = new("backing_file", CreationSetting.BackingPath, CreationValue.Text, "File name of a base image");

    internal static CreationOption BackingFormat { get; } = new("backing_fmt", CreationSetting.BackingFormat, CreationValue.Text, "Image format of the base image");

    internal static CreationOption TableSize { get; } = new("table_size", CreationSetting.TableSize, CreationValue.Size, "L1/L2 table size (in clusters)");

    internal static CreationOption ClusterSize(string name, string description, string? shownDefault = null)
        => new(name, CreationSetting.ClusterSize, CreationValue.Size, description) { Default = shownDefault };

    internal static CreationOption Variant(params CreationChoice[] choices)
        => new("subformat", CreationSetting.Subformat, CreationValue.Text, "Variant of the format") { Choices = choices };

    /// <summary>An option that is known so that commands which name what is done anyway go through.</summary>
    internal static CreationOption Constant(string name, CreationValue value, string description, string? shownDefault, params string[] accepted)
    {
        var choices = new List<CreationChoice>();
        foreach (string text in accepted)
            choices.Add(new CreationChoice(text));
        return new CreationOption(name, CreationSetting.Constant, value, description) { Default = shownDefault, Choices = choices };
    }
}
