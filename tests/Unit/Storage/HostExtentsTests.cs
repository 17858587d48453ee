using System;
using Qed.Images;
using Qed.Operations;
using Qed.Storage;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Storage;

/// <summary>Where a file has data is remembered, and forgotten where holes are made.</summary>
public sealed class HostExtentsTests : IDisposable
{
    private const int Block = 64 << 10;

    private readonly TempFolder _folder = new();

    public HostExtentsTests() => Assert.SkipUnless(OperatingSystem.IsLinux(), "on Windows what was told is not kept");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_punched_after_it_was_told_as_data_is_a_hole()
    {
        using HostFile file = Filled("file");
        Assert.Equal(new StorageExtent(0, 4 * Block, IsHole: false), file.NextExtent(0));
        Assert.True(file.TryPunch(Block, Block));
        Assert.Equal(new StorageExtent(0, Block, IsHole: false), file.NextExtent(0));
        Assert.Equal(new StorageExtent(Block, Block, IsHole: true), file.NextExtent(Block));
        Assert.Equal(new StorageExtent(2 * Block, 2 * Block, IsHole: false), file.NextExtent(2 * Block));
        file.Write(Block, Patterns.Filled(Block, 2));
        Assert.False(file.NextExtent(Block).IsHole);
    }

    [Fact]
    public void What_is_cut_off_and_grows_again_is_a_hole()
    {
        using HostFile file = Filled("file");
        Assert.Equal(3 * Block, file.NextExtent(Block).Length);
        file.SetLength(2 * Block);
        Assert.Equal(Block, file.NextExtent(Block).Length);
        file.SetLength(4 * Block);
        Assert.True(file.NextExtent(2 * Block).IsHole);
    }

    [Fact]
    public void What_is_written_behind_data_is_data_too()
    {
        using HostFile file = Filled("file");
        Assert.Equal(4 * Block, file.NextExtent(0).Length);
        file.Write(4 * Block, Patterns.Filled(Block, 3));
        Assert.Equal(new StorageExtent(4 * Block, Block, IsHole: false), file.NextExtent(4 * Block));
    }

    [Fact]
    public void A_hole_of_a_chain_is_where_no_image_has_data()
    {
        using (HostFile file = Filled("base.raw"))
            Assert.True(file.TryPunch(Block, Block));
        CreateImage.Run(new CreateImageOptions { Path = _folder["top.qed"], BackingPath = _folder["base.raw"], BackingFormat = "raw", Size = 8 * Block });
        using (WritableDiskImage image = OpenImage.ForWriting(_folder["top.qed"]))
        {
            image.WriteZeroes(2 * Block, Block);
            image.Write(6 * Block, Patterns.Filled(Block, 4));
        }

        using DiskImage top = OpenImage.ForReading(_folder["top.qed"]);
        Assert.False(top.IsHole(0L, Block));
        Assert.True(top.IsHole((long)Block, Block));
        Assert.True(top.IsHole(2L * Block, Block));
        Assert.False(top.IsHole(3L * Block, Block));
        // The disk beneath ends there.
        Assert.True(top.IsHole(4L * Block, 2 * Block));
        Assert.False(top.IsHole(6L * Block, Block));
        Assert.False(top.IsHole((long)Block / 2, Block));
    }

    private HostFile Filled(string name)
    {
        HostFile file = HostFile.Create(_folder[name]);
        file.Write(0, Patterns.Filled(4 * Block, 1));
        return file;
    }
}
