using System;
using System.Diagnostics;
using System.IO;
using System.Security.Cryptography;
using System.Threading;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Server;

/// <summary>Clients that others have written: QEMU's and libnbd's.</summary>
public sealed class ClientsTests
{
    private const long Size = 64 << 20;

    [Fact]
    public void Nbdcopy_copies_a_disk_there_and_back()
    {
        using var disk = new ServedDisk(Size);
        string raw = MakeRaw(disk.Folder["raw"]);
        Succeed("nbdcopy", "--flush", raw, disk.Uri);
        Succeed("nbdcopy", disk.Uri, disk.Folder["back"]);
        Assert.Equal(Hash(raw), Hash(disk.Folder["back"]));
        disk.Server.Dispose();
        Qemu.AssertSame("qed", raw, disk.Image);
        Qemu.AssertSound(disk.Image);
    }

    [Fact]
    public void A_client_that_is_killed_while_it_writes_harms_nobody_and_the_next_one_finishes()
    {
        using var disk = new ServedDisk(Size);
        string raw = MakeRaw(disk.Folder["raw"]);
        using NbdClient other = disk.Attach();
        for (int i = 1; i <= 4; i++)
        {
            long before = disk.Server.Traffic.WrittenBytes;
            using Process copy = Process.Start("nbdcopy", ["--connections=2", raw, disk.Uri]);
            while (disk.Server.Traffic.WrittenBytes < before + (i << 20) && !copy.HasExited)
                Thread.Sleep(1);
            copy.Kill();
            copy.WaitForExit();
            Assert.Equal(0u, other.Ask(3, 0, 0));
        }

        Succeed("nbdcopy", "--flush", raw, disk.Uri);
        Assert.True(other.Read(5 << 20, 1 << 20).AsSpan().SequenceEqual(File.ReadAllBytes(raw).AsSpan(5 << 20, 1 << 20)));
        disk.Server.Dispose();
        Qemu.AssertSame("qed", raw, disk.Image);
        Assert.True(CheckImage.Run(new CheckImageOptions { Path = disk.Image }) is { Corruptions: 0, LeakedClusters: 0, NeedsCheck: false });
    }

    [Fact]
    public void Nbdinfo_maps_what_the_image_holds()
    {
        using var disk = new ServedDisk(Size);
        Qemu.IoOk(disk.Uri, "raw", ["write -P 1 1M 1M", "write -P 2 8M 64k"]);
        string map = Succeed("nbdinfo", "--map", disk.Uri);
        Assert.Equal(
            ["0 1048576 3 hole,zero", "1048576 1048576 0 data", "2097152 6291456 3 hole,zero", "8388608 65536 0 data", "8454144 58654720 3 hole,zero"],
            Array.ConvertAll(map.TrimEnd().Split('\n'), line => string.Join(' ', line.Split(' ', StringSplitOptions.RemoveEmptyEntries))));
        string info = Succeed("nbdinfo", disk.Uri);
        foreach (string ability in new[] { "can_cache", "can_df", "can_flush", "can_fua", "can_multi_conn", "can_trim", "can_zero" })
            Assert.Contains(ability + ": true", info, StringComparison.Ordinal);
    }

    [Fact]
    public void Qemu_writes_zeroes_discards_and_reads_it_all_again()
    {
        using var disk = new ServedDisk(Size);
        Qemu.IoOk(disk.Uri, "raw",
        [
            "write -P 1 0 1M", "write -z -u 64k 128k", "write -z 256k 4k", "discard 512k 64k", "aio_write -P 2 2M 1M", "aio_write -P 3 3M 1M", "aio_flush",
            "write -f -P 4 1023k 3k", "flush", "read -P 1 0 64k", "read -P 0 64k 128k", "read -P 0 256k 4k", "read -P 0 512k 64k", "read -P 4 1023k 3k", "read -P 2 2M 1M",
        ]);
        disk.Server.Dispose();
        Qemu.IoOk(disk.Image, "qed", ["read -P 0 64k 128k", "read -P 3 3M 1M", "read -P 0 4M 1M"]);
        Assert.Equal(0, CheckImage.Run(new CheckImageOptions { Path = disk.Image }).Corruptions);
    }

    [Fact]
    public void Qemu_img_converts_from_it_and_to_it()
    {
        using var disk = new ServedDisk(Size);
        string raw = MakeRaw(disk.Folder["raw"]);
        Qemu.ImgOk("convert", "-n", "-f", "raw", "-O", "raw", raw, disk.Uri);
        Qemu.ImgOk("convert", "-f", "raw", "-O", "qcow2", disk.Uri, disk.Folder["copy.qcow2"]);
        Qemu.AssertSame("qcow2", raw, disk.Folder["copy.qcow2"]);
    }

    [Theory]
    [InlineData("qcow2")]
    [InlineData("vhdx")]
    [InlineData("vmdk")]
    [InlineData("vdi")]
    [InlineData("raw")]
    public void An_image_of_any_format_is_written_through_an_overlay_and_stays_as_it_is(string format)
    {
        using var disk = new ServedDisk(Size);
        string raw = MakeRaw(disk.Folder["raw"]);
        string image = disk.Folder["image." + format];
        Qemu.ImgOk("convert", "-f", "raw", "-O", format, raw, image);
        string before = Hash(image);
        disk.Server.Dispose();
        // The second time the overlay goes on.
        for (int i = 0; i < 2; i++)
        {
            disk.Start(export: export => export with { Path = image, OverlayPath = disk.Folder["over.qed"] });
            Qemu.IoOk(disk.Uri, "raw", [$"write -P 9 {30 + i}M 1M", "read -P 9 30M 1M"]);
            disk.Server.Dispose();
            Assert.Equal(before, Hash(image));
        }

        Qemu.ImgOk("convert", "-f", "qed", "-O", "raw", disk.Folder["over.qed"], disk.Folder["merged"]);
        using FileStream changed = File.OpenWrite(raw);
        changed.Position = 30 << 20;
        changed.Write(Patterns.Filled(2 << 20, 9));
        changed.Close();
        Assert.Equal(Hash(raw), Hash(disk.Folder["merged"]));
    }

    [Fact]
    public void A_snapshot_is_thrown_away_and_leaves_nothing()
    {
        using var disk = new ServedDisk(Size);
        disk.Server.Dispose();
        string before = Hash(disk.Image);
        disk.Start(export: export => export with { IsSnapshot = true });
        string overlay = disk.Server.Exports[0].Image.Path;
        Qemu.IoOk(disk.Uri, "raw", ["write -P 9 0 1M", "read -P 9 0 1M"]);
        disk.Server.Dispose();
        Assert.Equal(before, Hash(disk.Image));
        Assert.False(File.Exists(overlay));
    }

    [Fact]
    public void An_overlay_that_rests_on_something_else_is_not_taken()
    {
        using var disk = new ServedDisk(Size);
        disk.Server.Dispose();
        string other = disk.Folder["other.qed"];
        CreateImage.Run(new CreateImageOptions { Path = other, Size = Size });
        var error = Assert.Throws<DiskImageException>(() => disk.Start(export: export => export with { OverlayPath = other }));
        Assert.Equal(ErrorKind.ImageExists, error.Kind);
    }

    [Fact]
    public void A_raw_disk_is_written_where_it_lies()
    {
        using var disk = new ServedDisk(Size);
        string raw = MakeRaw(disk.Folder["disk.raw"]);
        disk.Server.Dispose();
        disk.Start(export: export => export with { Path = raw });
        Qemu.IoOk(disk.Uri, "raw", ["write -P 9 1000 5000", "discard 10M 1M", "write -z 20M 1M", "read -P 0 10M 1M"]);
        disk.Server.Dispose();
        Qemu.IoOk(raw, "raw", ["read -P 9 1000 5000", "read -P 0 10M 1M", "read -P 0 20M 1M"]);
    }

    private static string MakeRaw(string path)
    {
        using (FileStream file = File.Create(path))
        {
            file.SetLength(Size);
            foreach (int offset in new[] { 0, 5 << 20, (40 << 20) + 12345 })
            {
                file.Position = offset;
                file.Write(Patterns.Random(3 << 20, offset + 1));
            }
        }

        return path;
    }

    private static string Succeed(string program, params string[] arguments)
    {
        Qemu.Result result = Qemu.Run(program, arguments);
        Assert.True(result.ExitCode == 0, result.Output + result.Error);
        return result.Output;
    }

    private static string Hash(string path)
    {
        using FileStream file = File.OpenRead(path);
        return Convert.ToHexString(SHA256.HashData(file));
    }
}
