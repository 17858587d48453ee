using System.Collections.Generic;
using Qed.Operations;

namespace Qed.Tool.CommandLine;

/// <summary>The options of new images that <c>-o</c> knows, in QEMU's words and in the order in which QEMU names them.</summary>
internal static class CreationOptions
{
    private static readonly CreationOption[] SizeAlone = [CreationOption.Size];

    private static readonly CreationChoice[] SectorSizes = [new("512"), new("4096")];

    private static readonly Dictionary<string, CreationOption[]> ByFormat = new()
    {
        ["qed"] =
        [
            CreationOption.Size,
            CreationOption.BackingFile,
            CreationOption.BackingFormat,
            CreationOption.ClusterSize("cluster_size", "Cluster size (in bytes)", "65536"),
            CreationOption.TableSize,
        ],
        ["qcow2"] =
        [
            CreationOption.Constant("encryption", CreationValue.Switch, "Encrypt the image", null, "off"),
            CreationOption.ClusterSize("cluster_size", "qcow2 cluster size", "65536"),
            CreationOption.Constant("extended_l2", CreationValue.Switch, "Extended L2 tables", "off", "off"),
            CreationOption.Constant("compression_type", CreationValue.Text, "Compression method used for image cluster compression", "zlib", "zlib"),
            CreationOption.Size,
            CreationOption.Constant("compat", CreationValue.Text, "Compatibility level", null, "1.1", "v3"),
            CreationOption.BackingFile,
            CreationOption.BackingFormat,
            CreationOption.Constant("lazy_refcounts", CreationValue.Switch, "Postpone refcount updates", "off", "off"),
            CreationOption.Constant("refcount_bits", CreationValue.Number, "Width of a reference count entry in bits", "16", "16"),
        ],
        ["vhdx"] =
        [
            CreationOption.Size,
            CreationOption.BackingFile,
            CreationOption.BackingFormat,
            CreationOption.Constant("log_size", CreationValue.Size, "Log size", "1048576", "1M"),
            CreationOption.ClusterSize("block_size", "Block size; min 1MB, max 256MB. 0 means auto-calculate based on image size.", "0"),
            CreationOption.Variant(new("dynamic"), new("fixed", Subformat.Fixed)),
            new("logical_sector_size", CreationSetting.LogicalSectorSize, CreationValue.Size, "Bytes in a sector as the guest addresses it") { Choices = SectorSizes },
            new("physical_sector_size", CreationSetting.PhysicalSectorSize, CreationValue.Size, "Bytes in a sector as the disk writes it") { Choices = SectorSizes },
            CreationOption.Constant("block_state_zero", CreationValue.Switch, "Payload blocks of type 'ZERO'", null, "on"),
        ],
        ["vhd"] =
        [
            CreationOption.Size,
            CreationOption.BackingFile,
            CreationOption.BackingFormat,
            CreationOption.ClusterSize("block_size", "Block size; min 512KB, max 16MB"),
            CreationOption.Variant(new("dynamic"), new("fixed", Subformat.Fixed)),
            CreationOption.Constant("force_size", CreationValue.Switch, "Use the size as given, not the nearest one that a geometry has", null, "on"),
        ],
        ["vmdk"] =
        [
            CreationOption.Size,
            CreationOption.Constant("adapter_type", CreationValue.Text, "Virtual adapter type", null, "lsilogic"),
            CreationOption.BackingFile,
            CreationOption.BackingFormat,
            CreationOption.Constant("compat6", CreationValue.Switch, "VMDK version 6 image", "off", "off"),
            CreationOption.Constant("hwversion", CreationValue.Text, "VMDK hardware version", "undefined", "4", "undefined"),
            CreationOption.ClusterSize("cluster_size", "Grain size; min 8KB, max 1MB"),
            CreationOption.Variant(new("monolithicSparse"), new("monolithicFlat", Subformat.Fixed), new("streamOptimized", Subformat.StreamOptimized)),
        ],
        ["vdi"] =
        [
            CreationOption.Size,
            new("static", CreationSetting.Subformat, CreationValue.Switch, "VDI static (pre-allocated) image")
            {
                Default = "off",
                Choices = [new("off"), new("on", Subformat.Fixed)],
            },
        ],
        ["raw"] = SizeAlone,
    };

    /// <summary>The formats that have a list.</summary>
    internal static IReadOnlyCollection<string> Formats => ByFormat.Keys;

    /// <summary>The options of a format.</summary>
    internal static IReadOnlyList<CreationOption> Of(FormatInfo format) => ByFormat.GetValueOrDefault(format.Name, SizeAlone);
}
