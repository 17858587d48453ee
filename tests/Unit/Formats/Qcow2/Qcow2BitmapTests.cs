using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Formats.Qcow2;

/// <summary>Persistent bitmaps, which tell a backup program what has changed: a conversion drops them, and says which.</summary>
public sealed class Qcow2BitmapTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public Qcow2BitmapTests()
    {
        Qemu.Require();
        Qemu.ImgOk("create", "-q", "-f", "qcow2", _folder["disk.qcow2"], "8M");
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Are_named_when_they_are_dropped()
    {
        Qemu.ImgOk("bitmap", "--add", _folder["disk.qcow2"], "weekly");
        Qemu.ImgOk("bitmap", "--add", "-g", "1M", _folder["disk.qcow2"], "täglich");
        string warning = Assert.Single(Warnings());
        Assert.Contains("weekly, täglich", warning, StringComparison.Ordinal);
        Assert.Contains("full one", warning, StringComparison.Ordinal);
    }

    [Fact]
    public void That_are_there_no_longer_are_no_warning()
    {
        Assert.Empty(Warnings());
        Qemu.ImgOk("bitmap", "--add", _folder["disk.qcow2"], "gone");
        Qemu.ImgOk("bitmap", "--remove", _folder["disk.qcow2"], "gone");
        Assert.Empty(Warnings());
    }

    [Fact]
    public void Of_an_image_that_was_written_without_them_are_no_warning()
    {
        Qemu.ImgOk("bitmap", "--add", _folder["disk.qcow2"], "stale");
        byte[] image = File.ReadAllBytes(_folder["disk.qcow2"]);
        BinaryPrimitives.WriteUInt64BigEndian(image.AsSpan(88), 0);
        File.WriteAllBytes(_folder["disk.qcow2"], image);
        Assert.Empty(Warnings());
    }

    [Theory]
    [InlineData(8, "70000")]
    [InlineData(16, "1")]
    [InlineData(24, "1")]
    public void Whose_directory_is_damaged_are_counted(int field, string count)
    {
        Qemu.ImgOk("bitmap", "--add", _folder["disk.qcow2"], "weekly");
        byte[] image = File.ReadAllBytes(_folder["disk.qcow2"]);
        int extension = image.AsSpan(0, 512).IndexOf((ReadOnlySpan<byte>)[0x23, 0x85, 0x28, 0x75]);
        image.AsSpan(extension + field, 8).Fill(0xff);
        if (field == 8)
            BinaryPrimitives.WriteUInt32BigEndian(image.AsSpan(extension + field), 70000);
        File.WriteAllBytes(_folder["disk.qcow2"], image);
        Assert.Contains(count == "70000" ? "weekly, 69999 more" : "1 of them", Assert.Single(Warnings()), StringComparison.Ordinal);
    }

    private IReadOnlyList<string> Warnings()
    {
        var warnings = new LoggedWarnings();
        ConvertImage.Run(new ConvertImageOptions { Path = _folder["disk.qcow2"], DestinationPath = _folder["copy.qed"], Force = true }, logger: warnings.Logger);
        return warnings.Messages;
    }
}
