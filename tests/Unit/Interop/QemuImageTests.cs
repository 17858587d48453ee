using System;
using System.Collections.Generic;
using System.IO;
using Qed.Images;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Interop;

/// <summary>Images go both ways between QEMU and us, in every geometry that QEMU can open.</summary>
public sealed class QemuImageTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public QemuImageTests() => Qemu.Require();

    public static TheoryData<int, int> Geometries()
    {
        var data = new TheoryData<int, int>();
        for (int clusterBits = 12; clusterBits <= 26; clusterBits++)
        {
            for (int tableBits = 1; tableBits <= 4; tableBits++)
            {
                // Beyond this QEMU's own arithmetic overflows and it refuses what it has created.
                if ((3 * clusterBits) + (2 * tableBits) - 6 < 64)
                    data.Add(1 << clusterBits, 1 << tableBits);
            }
        }

        return data;
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Geometries))]
    public void What_qemu_io_wrote_reads_the_same_here_and_what_we_wrote_reads_the_same_there(int clusterSize, int tableSize)
    {
        const long Size = (9L << 20) + 512;
        string theirs = _folder["theirs.qed"];
        string ours = _folder["ours.qed"];
        Qemu.ImgOk("create", "-q", "-f", "qed", "-o", $"cluster_size={clusterSize},table_size={tableSize}", theirs, Qemu.Text(Size));
        Qemu.IoOk(theirs, "qed", ["write -P 1 0 4096", "write -P 2 1000k 300k", "write -z 1100k 64k", "write -P 3 9437184 512", "write -P 4 5m 2m"]);
        byte[] expected = new byte[Size];
        expected.AsSpan(0, 4096).Fill(1);
        expected.AsSpan(1000 << 10, 300 << 10).Fill(2);
        expected.AsSpan(1100 << 10, 64 << 10).Clear();
        expected.AsSpan(9437184, 512).Fill(3);
        expected.AsSpan(5 << 20, 2 << 20).Fill(4);
        Assert.Equal(expected, TestImage.ReadAll(theirs));

        TestImage.Create(ours, Size, clusterSize, tableSize);
        TestImage.Write(ours, 0, expected);
        TestImage.Write(ours, 2_000_000, Patterns.Filled(5000, 7));
        expected.AsSpan(2_000_000, 5000).Fill(7);
        File.WriteAllBytes(_folder["expected.raw"], expected);
        Assert.Contains("identical", Qemu.ImgOk("compare", "-f", "raw", "-F", "qed", _folder["expected.raw"], ours), StringComparison.Ordinal);
        Qemu.AssertSound(ours);

        // QEMU goes on writing where we left off, and we where it did.
        Qemu.IoOk(ours, "qed", ["write -P 9 3m 70000"]);
        TestImage.Write(theirs, 3 << 20, Patterns.Filled(70_000, 9));
        expected.AsSpan(3 << 20, 70_000).Fill(9);
        Assert.Equal(expected, TestImage.ReadAll(ours));
        Qemu.AssertSound(theirs);
    }

    [Theory]
    [InlineData("raw", 0)]
    [InlineData("raw", -3)]
    [InlineData("raw", 3)]
    [InlineData("qed", 0)]
    [InlineData("qed", -3)]
    [InlineData("qed", 3)]
    public void Chains_three_deep_over_shorter_and_longer_backing_files_read_the_same(string format, int longerByMiB)
    {
        const int Size = (6 << 20) + 1536;
        string root = $"base.{format}";
        Qemu.ImgOk("create", "-q", "-f", format, _folder[root], Qemu.Text(Size + (longerByMiB << 20)));
        Qemu.IoOk(_folder[root], format, ["write -P 1 0 3m", "write -P 2 2900k 100k"]);
        Qemu.ImgOk("create", "-q", "-f", "qed", "-o", "cluster_size=4096", "-b", root, "-F", format, _folder["middle.qed"], Qemu.Text(Size - 512));
        Qemu.IoOk(_folder["middle.qed"], "qed", ["write -P 3 1m 10k", "write -z 2m 128k"]);
        TestImage.Create(_folder["top.qed"], Size, 65536, 4, "middle.qed", "qed");
        TestImage.Write(_folder["top.qed"], 1_000_000, Patterns.Filled(30_000, 5));
        Qemu.IoOk(_folder["top.qed"], "qed", ["write -P 6 2050k 3k", "write -z 4k 4k"]);
        Qemu.ImgOk("convert", "-f", "qed", "-O", "raw", _folder["top.qed"], _folder["theirs.raw"]);
        Assert.Equal(File.ReadAllBytes(_folder["theirs.raw"]), TestImage.ReadAll(_folder["top.qed"]));
        Qemu.AssertSound(_folder["top.qed"]);
        Qemu.AssertSound(_folder["middle.qed"]);
    }

    [Fact]
    public void Zero_clusters_over_a_backing_file_hide_it_in_both_readers()
    {
        File.WriteAllBytes(_folder["base.raw"], Patterns.Filled(1 << 20, 0xaa));
        TestImage.Create(_folder["ours.qed"], 1 << 20, 4096, 2, "base.raw", "raw");
        using (WritableDiskImage image = OpenImage.ForWriting(_folder["ours.qed"]))
            image.WriteZeroes(new Qed.Units.GuestOffset(100_000), 300_000);
        Qemu.IoOk(_folder["ours.qed"], "qed", ["read -P 0xaa 0 99840", "read -P 0 100352 299520", "read -P 0xaa 400384 600000"]);
        Qemu.AssertSound(_folder["ours.qed"]);
    }

    [Fact]
    public void A_file_system_made_from_a_folder_tree_survives_raw_to_QED_to_raw()
    {
        Assert.SkipUnless(File.Exists("/sbin/mke2fs") || File.Exists("/usr/sbin/mke2fs"), "mke2fs is not installed (Debian package e2fsprogs)");
        string tree = _folder["tree"];
        Directory.CreateDirectory(tree);
        foreach (int i in SomeNumbers())
        {
            Directory.CreateDirectory(Path.Combine(tree, $"folder{i % 17}"));
            File.WriteAllBytes(Path.Combine(tree, $"folder{i % 17}", $"file{i}"), Patterns.Random(i * 97 % 200_000, i));
        }

        string raw = _folder["fs.raw"];
        Assert.Equal(0, Qemu.Run("mke2fs", "-q", "-t", "ext4", "-d", tree, raw, "128M").ExitCode);
        ConvertImage.Run(new ConvertImageOptions { Path = raw, DestinationPath = _folder["fs.qed"], Verify = true });
        ConvertImage.Run(new ConvertImageOptions { Path = _folder["fs.qed"], DestinationPath = _folder["back.raw"] });
        Assert.Contains("identical", Qemu.ImgOk("compare", "-f", "raw", "-F", "qed", raw, _folder["fs.qed"]), StringComparison.Ordinal);
        Assert.Contains("identical", Qemu.ImgOk("compare", "-f", "raw", "-F", "raw", raw, _folder["back.raw"]), StringComparison.Ordinal);
        Assert.Equal(0, Qemu.Run("e2fsck", "-fn", _folder["back.raw"]).ExitCode);
        Qemu.AssertSound(_folder["fs.qed"]);
    }

    private static IEnumerable<int> SomeNumbers()
    {
        for (int i = 0; i < 400; i++)
            yield return (i * 7919) % 100_003;
    }
}
