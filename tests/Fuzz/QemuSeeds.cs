using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Qed.Formats;
using Qed.Tests.Support;

namespace Qed.Tests.Fuzzing;

/// <summary>Images that QEMU makes and we do not: other versions, features and subformats.</summary>
internal static class QemuSeeds
{
    private const string Size = "300k";

    private static readonly string[] Contents = ["write -P 1 0 9k", "write -P 2 40k 30k", "write -z 44k 8k", "write -P 3 200k 20k"];

    private static readonly (string Name, string Format, string Extension, string Options)[] Variants =
    [
        ("QEMU's", "qed", "qed", "cluster_size=4096,table_size=2"),
        ("version 2", "qcow2", "qcow2", "compat=0.10,cluster_size=4096"),
        ("extended L2", "qcow2", "qcow2", "extended_l2=on,cluster_size=16384"),
        ("zstd", "qcow2", "qcow2", "compression_type=zstd,cluster_size=4096"),
        ("refcounts of a bit", "qcow2", "qcow2", "refcount_bits=1,cluster_size=4096"),
        ("lazy refcounts of 64 bits", "qcow2", "qcow2", "refcount_bits=64,lazy_refcounts=on,cluster_size=4096"),
        ("QEMU's", "vpc", "vhd", "subformat=dynamic,force_size=on"),
        ("QEMU's", "vhdx", "vhdx", "block_size=1M,log_size=1M"),
        ("QEMU's", "vmdk", "vmdk", "subformat=monolithicSparse"),
        ("split", "vmdk", "vmdk", "subformat=twoGbMaxExtentSparse"),
        ("QEMU's", "vdi", "vdi", ""),
    ];

    internal static IEnumerable<FuzzSeed> Make(TempFolder folder, Func<string[], bool> img, Func<string[], bool> io)
    {
        for (int i = 0; i < Variants.Length; i++)
        {
            (string name, string format, string extension, string options) = Variants[i];
            string place = Directory.CreateDirectory(folder[$"seed{i}"]).FullName;
            string image = Path.Combine(place, $"image.{extension}");
            string[] wanted = options.Length > 0 ? ["-o", options] : [];
            bool isMade = img(["create", "-q", "-f", format, .. wanted, image, Size])
                && io(["-f", format, .. Contents.SelectMany(command => new[] { "-c", command }), image])
                && (format != "qcow2" || img(["snapshot", "-c", "first", image]) && io(["-f", format, "-c", "write -P 4 0 20k", image]));
            // What this QEMU cannot make is left out.
            if (isMade)
                yield return new FuzzSeed(name, FormatRegistry.ByName(format), FilesOf(place, Path.GetFileName(image)));
        }

        foreach ((string name, string options) in new[] { ("QEMU's compressed", "cluster_size=4096"), ("QEMU's compressed with zstd", "compression_type=zstd,cluster_size=65536") })
        {
            string place = Directory.CreateDirectory(folder[name]).FullName;
            string image = Path.Combine(place, "image.qcow2");
            if (img(["convert", "-c", "-O", "qcow2", "-o", options, folder["seed0/image.qed"], image]))
                yield return new FuzzSeed(name, FormatRegistry.ByName("qcow2"), FilesOf(place, "image.qcow2"));
        }

        string stream = Path.Combine(Directory.CreateDirectory(folder["stream"]).FullName, "image.vmdk");
        if (img(["convert", "-O", "vmdk", "-o", "subformat=streamOptimized", folder["seed0/image.qed"], stream]))
            yield return new FuzzSeed("QEMU's stream", FormatRegistry.ByName("vmdk"), FilesOf(Path.GetDirectoryName(stream)!, "image.vmdk"));
    }

    private static IEnumerable<(string Name, byte[] Bytes)> FilesOf(string folder, string main)
        => Directory.GetFiles(folder).OrderBy(file => Path.GetFileName(file) != main).ThenBy(file => file, StringComparer.Ordinal).Select(file => (Path.GetFileName(file), File.ReadAllBytes(file)));
}
