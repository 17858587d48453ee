using System;
using System.IO;
using Qed.Engine;
using Qed.Operations;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Storage;

/// <summary>A full disk is an error of its own kind that leaves nothing half-written, and goes away when space is there again.</summary>
public sealed class FullDiskTests : IDisposable
{
    private readonly SmallDisk _disk = new();

    public void Dispose() => _disk.Dispose();

    [Fact]
    public void Creating_leaves_no_file_behind_and_works_once_there_is_space()
    {
        string path = _disk["image.qed"];
        _disk.Fill();
        DiskImageException error = Fails.With(ErrorKind.NotEnoughSpace, "Free space", () => TestImage.Create(path, 1 << 20));
        Assert.Equal(path, error.Path);
        AssertOnly("ballast");
        _disk.FreeSpace();
        TestImage.Create(path, 1 << 20);
        Assert.True(CheckImage.Run(new CheckImageOptions { Path = path }).IsClean);
    }

    [Theory]
    [InlineData("qed", false)]
    [InlineData("qed", true)]
    [InlineData("raw", false)]
    public void Converting_leaves_no_file_behind_and_the_source_and_an_old_target_as_they_were(string format, bool force)
    {
        MonoRuntime.RequireClosing();
        using var folder = new TempFolder();
        string source = folder["source.raw"];
        File.WriteAllBytes(source, Patterns.Random(3 << 20, 1));
        string target = _disk["target." + format];
        var options = new ConvertImageOptions { Path = source, DestinationPath = target, Force = force, DeleteSource = true };
        Fingerprint before = Fingerprint.Of(source);
        if (force)
            TestImage.Create(target, 1 << 20);
        DiskImageException error = Fails.With(ErrorKind.NotEnoughSpace, () => ConvertImage.Run(options));
        Assert.Equal(target, error.Path);
        before.AssertUntouched();
        if (force)
        {
            Assert.Equal(1 << 20, Describe.Of(target).Size);
            AssertOnly("target." + format);
        }
        else
        {
            AssertOnly();
        }

        File.WriteAllBytes(source, Patterns.Random(1 << 20, 2));
        ConvertImage.Run(options);
        Assert.Equal(Patterns.Random(1 << 20, 2), TestImage.ReadAll(target));
    }

    [Theory]
    [InlineData(4096, 1)]
    [InlineData(65536, 2)]
    public void Writing_until_the_disk_is_full_keeps_flushed_data_and_a_sound_image(int clusterSize, int tableSize)
    {
        const int Block = 64 << 10;
        string path = TestImage.Create(_disk["image.qed"], 8 << 20, clusterSize, tableSize);
        _disk.Fill(free: 1 << 20);
        var image = (QedImage)OpenImage.ForWriting(path);
        int written = 0;
        int flushed = 0;
        Fails.With(ErrorKind.NotEnoughSpace, () =>
        {
            for (; written < 64; written++)
            {
                image.Write(new GuestOffset(written * Block), Patterns.Filled(Block, (byte)(written + 1)));
                if (written % 4 != 3)
                    continue;
                image.Flush();
                flushed = written + 1;
            }
        });
        Assert.True(flushed > 0);

        // What was written is still served, and the failed block can be written as soon as there is space.
        byte[] block = new byte[Block];
        image.Read(new GuestOffset(0), block);
        Assert.Equal(Patterns.Filled(Block, 1), block);
        AssertFlushed(TolerantClose(image), path, flushed, Block);

        _disk.FreeSpace();
        TestImage.Write(path, written * Block, Patterns.Filled(Block, 0xee));
        CheckResult check = CheckImage.Run(new CheckImageOptions { Path = path });
        Assert.Equal(0, check.Corruptions);
        byte[] disk = TestImage.ReadAll(path);
        Assert.Equal(Patterns.Filled(Block, 0xee), disk.AsSpan(written * Block, Block).ToArray());
        Assert.Equal(Patterns.Filled(Block, (byte)flushed), disk.AsSpan((flushed - 1) * Block, Block).ToArray());
    }

    [Fact]
    public void An_open_image_goes_on_working_once_there_is_space()
    {
        string path = TestImage.Create(_disk["image.qed"], 8 << 20, 65536, 1);
        using (var image = (QedImage)OpenImage.ForWriting(path))
        {
            image.Write(new GuestOffset(0), Patterns.Filled(1000, 1));
            image.Flush();
            _disk.Fill();
            Fails.With(ErrorKind.NotEnoughSpace, () => image.Write(new GuestOffset(1 << 20), Patterns.Filled(200_000, 2)));
            _disk.FreeSpace();
            image.Write(new GuestOffset(1 << 20), Patterns.Filled(200_000, 3));
        }

        byte[] disk = TestImage.ReadAll(path);
        Assert.Equal(1, disk[999]);
        Assert.Equal(Patterns.Filled(200_000, 3), disk.AsSpan(1 << 20, 200_000).ToArray());
        CheckResult check = CheckImage.Run(new CheckImageOptions { Path = path });
        Assert.True(check.IsClean);
        Assert.False(check.NeedsCheck);
    }

    [Fact]
    public void Growing_and_a_new_backing_name_need_no_space()
    {
        string path = TestImage.Create(_disk["image.qed"], 1 << 20);
        _disk.Fill();
        ResizeImage.Run(new ResizeImageOptions { Path = path, Size = 1L << 30 });
        SetBackingFile.Run(new SetBackingFileOptions { Path = path, BackingPath = "base.raw", BackingFormat = "raw", MetadataOnly = true });
        ImageDescription description = Describe.Of(path);
        Assert.Equal((1L << 30, "base.raw"), (description.Size, description.BackingPath!));
    }

    /// <summary>Closing reports what it cannot write; either way the file must be sound.</summary>
    private static DiskImageException? TolerantClose(QedImage image)
    {
        try
        {
            image.Dispose();
            return null;
        }
        catch (DiskImageException error)
        {
            Assert.Equal(ErrorKind.NotEnoughSpace, error.Kind);
            return error;
        }
    }

    private static void AssertFlushed(DiskImageException? closing, string path, int flushed, int block)
    {
        CheckResult check = CheckImage.Run(new CheckImageOptions { Path = path });
        Assert.Equal(0, check.Corruptions);
        Assert.True(closing is null || check.NeedsCheck, "what could not be written must leave the mark");
        byte[] disk = TestImage.ReadAll(path);
        for (int i = 0; i < flushed; i++)
            Assert.True(disk.AsSpan(i * block, block).IndexOfAnyExcept((byte)(i + 1)) < 0, $"block {i}");
    }

    private void AssertOnly(params string[] names)
        => Assert.Equal(names, Array.ConvertAll(Directory.GetFileSystemEntries(_disk.Path), entry => Path.GetFileName(entry)));
}
