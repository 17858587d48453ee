using System;
using System.IO;
using System.Linq;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Operations;

/// <summary>A merge that cannot be, or must not be, is refused before anything is written.</summary>
public sealed class MergeRefusalTests : IDisposable
{
    private const int Size = 1 << 20;

    private readonly TempFolder _folder = new();

    public MergeRefusalTests()
    {
        TestImage.Create(_folder["base.qed"], Size);
        TestImage.Write(_folder["base.qed"], 0, Patterns.Random(Size / 2, 1));
        Overlay("middle.qed", "base.qed", Size);
        Overlay("top.qed", "middle.qed", Size);
        TestImage.Write(_folder["top.qed"], 1000, Patterns.Random(100_000, 2));
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("top.qed", false)]
    [InlineData("middle.qed", false)]
    [InlineData("base.qed", false)]
    [InlineData("middle.qed", true)]
    public void An_image_that_somebody_uses_is_named_with_who_uses_it(string used, bool onlyReads)
    {
        Qemu.Require();
        using (new QemuIoSession(_folder[used], onlyReads))
        {
            // QEMU has the images beneath open as well; the first that is met is named.
            DiskImageException error = Refused(ErrorKind.ImageInUse, "qemu-io", new() { Path = _folder["top.qed"] });
            Assert.Contains(error.Path, new[] { _folder["top.qed"], _folder["middle.qed"], _folder["base.qed"] });
        }
    }

    [Fact]
    public void An_image_without_a_backing_file()
        => Refused(ErrorKind.BackingFileMissing, "no backing file to be merged into", new() { Path = _folder["base.qed"] });

    [Fact]
    public void A_backing_file_that_is_not_there()
    {
        File.Move(_folder["middle.qed"], _folder["elsewhere.qed"]);
        Refused(ErrorKind.BackingFileMissing, "middle.qed", new() { Path = _folder["top.qed"] });
    }

    [Fact]
    public void A_destination_that_is_not_part_of_the_chain()
    {
        TestImage.Create(_folder["other.qed"], Size);
        Refused(ErrorKind.BackingFileRefused, "is not part of the image's backing chain", new() { Path = _folder["top.qed"], DestinationPath = _folder["other.qed"] });
        Refused(ErrorKind.BackingFileRefused, "not merged into itself", new() { Path = _folder["top.qed"], DestinationPath = _folder["top.qed"] });
        Refused(ErrorKind.ImageNotFound, "no such file", new() { Path = _folder["top.qed"], DestinationPath = _folder["none.qed"] });
    }

    [Fact]
    public void A_chain_that_leads_back_to_itself()
    {
        SetBackingFile.Run(new SetBackingFileOptions { Path = _folder["middle.qed"], MetadataOnly = true });
        byte[] image = File.ReadAllBytes(_folder["middle.qed"]);
        byte[] name = "top.qed"u8.ToArray();
        File.WriteAllBytes(_folder["middle.qed"], image.With(16, 1UL).With(56, 64U).With(60, (uint)name.Length).With(64, name));
        Refused(ErrorKind.BackingChainLoop, "leads back", new() { Path = _folder["top.qed"], DestinationPath = _folder["base.qed"] });
    }

    [Theory]
    [InlineData("qcow2")]
    [InlineData("vpc")]
    public void A_destination_of_a_format_that_is_not_written_in_place(string format)
    {
        Qemu.Require();
        Qemu.ImgOk("create", "-q", "-f", format, _folder["foreign.img"], "4M");
        Overlay("over.qed", "foreign.img", Size, null);
        Refused(ErrorKind.UnsupportedFeature, "images are merged into QED and raw images", new() { Path = _folder["over.qed"] });
    }

    [Fact]
    public void A_size_that_the_destinations_tables_cannot_map()
    {
        TestImage.Create(_folder["small.qed"], Size, 4096, 1);
        Overlay("huge.qed", "small.qed", 4L << 30);
        Refused(ErrorKind.InvalidSize, "cannot grow beyond 1073741824 bytes", new() { Path = _folder["huge.qed"] });
    }

    [Theory]
    [InlineData("base.qed", "middle.qed")]
    [InlineData("top.qed", "top.qed")]
    public void An_image_that_a_check_finds_corrupt(string damaged, string merged)
    {
        byte[] image = File.ReadAllBytes(_folder[damaged]);
        ulong table = image.UInt64At((int)image.UInt64At(40));
        // Two entries that lead to one cluster.
        File.WriteAllBytes(_folder[damaged], image.With((int)table + (15 * 8), image.UInt64At((int)table)));
        Refused(ErrorKind.ImageCorrupt, "corruptions", new() { Path = _folder[merged], Force = true });
    }

    [Fact]
    public void What_is_taken_for_raw_by_its_looks_is_not_given_the_looks_of_another_format_by_its_guest()
    {
        Qemu.Require();
        File.WriteAllBytes(_folder["disk"], Patterns.Random(Size, 3));
        Overlay("guest.qed", "disk", Size, null);
        // The image says nothing of the format, as old ones do not.
        byte[] image = File.ReadAllBytes(_folder["guest.qed"]);
        File.WriteAllBytes(_folder["guest.qed"], image.With(16, image.UInt64At(16) & ~4UL));
        Qemu.ImgOk("create", "-q", "-f", "qcow2", _folder["trap.qcow2"], "1M");
        TestImage.Write(_folder["guest.qed"], 0, File.ReadAllBytes(_folder["trap.qcow2"])[..65536]);
        DiskImageException error = Refused(ErrorKind.BackingFileRefused, "would look like a qcow2 image", new() { Path = _folder["guest.qed"] });
        Assert.Equal(RemedyKind.StoreBackingFormat, error.Remedy!.Kind);

        SetBackingFile.Run(new SetBackingFileOptions { Path = _folder["guest.qed"], BackingPath = "disk", BackingFormat = "raw", MetadataOnly = true });
        MergeImage.Run(new MergeImageOptions { Path = _folder["guest.qed"] });
        Assert.Equal(File.ReadAllBytes(_folder["trap.qcow2"])[..65536], File.ReadAllBytes(_folder["disk"])[..65536]);
    }

    [Fact]
    public void A_backing_file_that_may_only_be_read()
    {
        OtherUser.Require();
        // What lies above is somebody's who may write it.
        foreach (string file in Directory.GetFiles(_folder.Path))
            File.SetUnixFileMode(file, (UnixFileMode)0x1b6);
        File.SetUnixFileMode(_folder.Path, (UnixFileMode)0x1ff);
        File.SetUnixFileMode(_folder["middle.qed"], (UnixFileMode)0x124);
        File.WriteAllText(_folder["secret"], "of root");
        File.SetUnixFileMode(_folder["secret"], 0);
        OtherUser.Run(_folder["secret"], () => Fails.With(ErrorKind.AccessDenied, () => MergeImage.Run(new() { Path = _folder["top.qed"] })));
    }

    /// <summary>Asserts that a merge, and the plan of one, is refused and no file touched.</summary>
    private DiskImageException Refused(ErrorKind kind, string reason, MergeImageOptions options)
    {
        Fingerprint[] before = [.. Directory.GetFiles(_folder.Path).Select(Fingerprint.Of)];
        DiskImageException error = Fails.With(kind, reason, () => MergeImage.Run(options));
        Assert.All(before, file => file.AssertUntouched());
        return error;
    }

    private void Overlay(string name, string backing, long size, string? format = "qed")
        => TestImage.Create(_folder[name], size, backing: backing, backingFormat: format);
}
