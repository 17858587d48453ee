using System;
using System.IO;
using System.Linq;
using Qed.Images;
using Qed.Operations;
using Qed.Storage;
using Qed.Tests.Support;
using Qed.Transfer;
using Xunit;

namespace Qed.Tests.Storage;

/// <summary>A hole is believed where the file's blocks bear it out; otherwise the bytes are read.</summary>
public sealed class HoleTrustTests : IDisposable
{
    private const int Block = 64 << 10;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_sparse_file_of_two_terabytes_with_much_scattered_data_is_read_only_where_there_is_data()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "only Linux counts blocks");
        string path = _folder["disk.raw"];
        const int Runs = 3000;
        using (FileStream file = File.Create(path))
        {
            for (long run = 0; run < Runs; run++)
            {
                file.Position = run << 29;
                file.WriteByte(1);
            }

            file.SetLength(2L << 40);
        }

        using DiskImage image = OpenImage.ForReading(path, "raw");
        Assert.InRange(CopyPlan.Chunks(image, null, image.Length, 4096).Sum(range => (long)range.Length), Runs, Runs * 2L * Block);
    }

    [Fact]
    public void Space_that_was_allocated_ahead_is_a_hole_where_the_file_system_lists_it()
    {
        using var disk = new SharingDisk();
        using HostFile file = AllocatedAhead(disk["file"]);
        Assert.Equal(new StorageExtent(Block, 7 * Block, IsHole: true), file.NextExtent(Block));
        Assert.True(file.IsHole(2 * Block, Block));
    }

    [Fact]
    public void A_hole_that_takes_up_blocks_for_which_nothing_accounts_is_read()
    {
        // A file system in memory keeps no list of a file's pieces.
        using var disk = new SmallDisk();
        using HostFile file = AllocatedAhead(disk["file"]);
        Assert.Equal(new StorageExtent(Block, 8 * Block, IsHole: false), file.NextExtent(Block));
        Assert.False(file.IsHole(2 * Block, Block));
    }

    [Fact]
    public void A_file_with_no_blocks_at_all_is_a_hole_and_stays_readable_to_its_end()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "only Linux counts blocks");
        string path = _folder["disk.raw"];
        using (FileStream file = File.Create(path))
            file.SetLength((1L << 40) + 1000);
        using HostFile opened = HostFile.Open(path, StorageAccess.Read);
        Assert.Equal(new StorageExtent(0, (1L << 40) + 1000, IsHole: true), opened.NextExtent(0));
        Assert.Equal(new StorageExtent(1L << 40, 1000, IsHole: true), opened.NextExtent(1L << 40));
    }

    [Fact]
    public void A_file_that_ends_within_a_block_and_one_that_is_changed_later_keep_their_holes()
    {
        SparseFile.RequireHoles();
        using HostFile file = HostFile.Create(_folder["file"]);
        file.Write(0, Patterns.Random(Block, 1));
        file.Write(8 * Block, Patterns.Random(100, 2));
        Assert.Equal(new StorageExtent(Block, 7 * Block, IsHole: true), file.NextExtent(Block));
        Assert.True(file.TryPunch(0, Block));
        Assert.True(file.IsHole(0, 8 * Block));
        file.Write(4 * Block, Patterns.Random(Block, 3));
        Assert.Equal(new StorageExtent(0, 4 * Block, IsHole: true), file.NextExtent(0));
        Assert.False(file.IsHole(4 * Block, Block));
        file.SetLength(16 * Block);
        Assert.True(file.IsHole(9 * Block, 7 * Block));
    }

    /// <summary>A block of data, seven that were only allocated, and one of data.</summary>
    private static HostFile AllocatedAhead(string path)
    {
        HostFile file = HostFile.Create(path);
        file.Preallocate(0, 9 * Block);
        file.Write(0, Patterns.Random(Block, 1));
        file.Write(8 * Block, Patterns.Random(Block, 2));
        file.Flush();
        return file;
    }
}
