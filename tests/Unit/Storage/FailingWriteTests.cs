using System;
using System.IO;
using System.Linq;
using Qed.Engine;
using Qed.Operations;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Storage;

/// <summary>A real file whose disk fails for a while, or is gone, while an image in it is used: the error is named, nothing is lost, nothing stays open.</summary>
public sealed class FailingWriteTests : IDisposable
{
    private const int Cluster = 4096;
    private const int Size = 64 * Cluster;

    private readonly TempFolder _folder = new();
    private readonly byte[] _disk = Patterns.Random(Size, 1);

    public FailingWriteTests()
    {
        TestImage.Create(_folder["image.qed"], Size, Cluster, 1);
        TestImage.Write(_folder["image.qed"], 0, _disk);
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("EIO", ErrorKind.AccessDenied)]
    [InlineData("ENOSPC", ErrorKind.NotEnoughSpace)]
    public void What_could_not_be_written_is_named_and_written_once_it_can_be(string error, ErrorKind kind)
    {
        using (var file = new FailingFile(_folder["image.qed"], error))
        {
            using (var image = (QedImage)OpenImage.ForWriting(file.Path))
            {
                file.Fail();
                DiskImageException failed = Fails.With(kind, () => image.Write(new GuestOffset(Cluster), Patterns.Filled(2 * Cluster, 7)));
                Assert.Equal(file.Path, failed.Path);
                file.Heal();
                image.Write(new GuestOffset(Cluster), Patterns.Filled(2 * Cluster, 7));
                _disk.AsSpan(Cluster, 2 * Cluster).Fill(7);
                image.Flush();
                // Its entry is written by the flush.
                DiscardOnce(image);
                image.Discard(new GuestOffset(8 * Cluster), Cluster);
                file.Fail();
                Fails.With(kind, image.Flush);
                file.Heal();
                image.Flush();
                _disk.AsSpan(8 * Cluster, Cluster).Clear();
            }

            AssertNothingIsOpen(file.Path);
        }

        CheckResult check = CheckImage.Run(new CheckImageOptions { Path = _folder["image.qed"] });
        Assert.Equal(0, check.Corruptions);
        // What has failed once nobody calls clean before it was looked at.
        Assert.True(check.NeedsCheck);
        Assert.Equal(_disk, TestImage.ReadAll(_folder["image.qed"]));
        TestImage.Write(_folder["image.qed"], 0, [1]);
        Assert.True(CheckImage.Run(new CheckImageOptions { Path = _folder["image.qed"] }) is { IsClean: true, NeedsCheck: false });
    }

    [Fact]
    public void A_disk_that_is_gone_is_an_error_and_everything_ends()
    {
        string path;
        using (var file = new FailingFile(_folder["image.qed"], "EIO"))
        {
            path = file.Path;
            var image = (QedImage)OpenImage.ForWriting(path);
            DiscardOnce(image);
            image.Discard(new GuestOffset(8 * Cluster), Cluster);
            file.Vanish();
            Assert.Throws<DiskImageException>(image.Flush);
            Assert.Throws<DiskImageException>(() => image.Write(new GuestOffset(Cluster), Patterns.Filled(Cluster, 7)));
            Assert.Throws<DiskImageException>(image.Dispose);
            AssertNothingIsOpen(path);
            Assert.Throws<DiskImageException>(() => ResizeImage.Run(new ResizeImageOptions { Path = path, Size = 2 * Size }));
            Assert.Throws<DiskImageException>(() => ConvertImage.Run(new ConvertImageOptions { Path = path, SourceFormat = "qed", DestinationPath = _folder["target.raw"], DeleteSource = true }));
            AssertNothingIsOpen(path);
        }

        Assert.False(File.Exists(_folder["target.raw"]));
        Assert.True(CheckImage.Run(new CheckImageOptions { Path = _folder["image.qed"] }) is { Corruptions: 0, NeedsCheck: true });
        Assert.Equal(_disk, TestImage.ReadAll(_folder["image.qed"]));
    }

    /// <summary>After the first one, which has it looked for what is free, the entry of another waits for a flush.</summary>
    private void DiscardOnce(QedImage image)
    {
        image.Discard(new GuestOffset(20 * Cluster), Cluster);
        image.Flush();
        _disk.AsSpan(20 * Cluster, Cluster).Clear();
    }

    private static void AssertNothingIsOpen(string path)
        => Assert.DoesNotContain(path, Directory.GetFiles("/proc/self/fd").Select(descriptor => new FileInfo(descriptor).LinkTarget));
}
