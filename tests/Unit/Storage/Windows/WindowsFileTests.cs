using System;
using System.IO;
using Qed.Storage;
using Qed.Storage.Windows;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Storage.Windows;

/// <summary>What Windows says of a file's holes is believed only where it can be, and a disk that Windows is to attach has none.</summary>
public sealed class WindowsFileTests
{
    private const long Length = 1 << 20;

    [Fact]
    public void Where_a_sparse_file_has_no_clusters_it_has_a_hole()
    {
        var file = new FakeWindowsHandle { Attributes = WindowsFile.Sparse };
        Assert.Equal(new StorageExtent(4096, Length - 4096, IsHole: true), WindowsExtents.Next(file, 4096, Length));
        file.Answers[WindowsControl.QueryAllocatedRanges] = Bytes(65536, 131072);
        Assert.Equal(new StorageExtent(4096, 61440, IsHole: true), WindowsExtents.Next(file, 4096, Length));
        Assert.Equal(new StorageExtent(65536, 131072, IsHole: false), WindowsExtents.Next(file, 65536, Length));
    }

    [Fact]
    public void More_ranges_than_were_asked_for_are_no_error()
    {
        var file = new FakeWindowsHandle { Attributes = WindowsFile.Sparse };
        file.Answers[WindowsControl.QueryAllocatedRanges] = Bytes(0, 65536);
        file.Refusals[WindowsControl.QueryAllocatedRanges] = WindowsError.MoreData;
        Assert.Equal(new StorageExtent(0, 65536, IsHole: false), WindowsExtents.Next(file, 0, Length));
    }

    /// <summary>Deduplicated, in the cloud, packed, or moved to tape: the data lies elsewhere, and the file has no clusters for it.</summary>
    [Theory]
    [InlineData(WindowsFile.Sparse | WindowsFile.ReparsePoint)]
    [InlineData(WindowsFile.Sparse | WindowsFile.RecallOnDataAccess)]
    [InlineData(WindowsFile.Sparse | WindowsFile.RecallOnOpen)]
    [InlineData(WindowsFile.Sparse | WindowsFile.Offline)]
    [InlineData(WindowsFile.Sparse | WindowsFile.ReparsePoint | WindowsFile.RecallOnDataAccess)]
    [InlineData(WindowsFile.Compressed)]
    [InlineData(0U)]
    public void A_file_whose_data_may_lie_elsewhere_is_read(uint attributes)
    {
        var file = new FakeWindowsHandle { Attributes = attributes };
        Assert.Equal(new StorageExtent(0, Length, IsHole: false), WindowsExtents.Next(file, 0, Length));
        Assert.Empty(file.Asked);
    }

    [Fact]
    public void A_file_system_that_does_not_tell_has_no_holes()
    {
        var file = new FakeWindowsHandle { Attributes = WindowsFile.Sparse };
        file.Refusals[WindowsControl.QueryAllocatedRanges] = WindowsError.InvalidFunction;
        Assert.Equal(new StorageExtent(0, Length, IsHole: false), WindowsExtents.Next(file, 0, Length));
    }

    [Fact]
    public void A_file_that_Windows_is_to_attach_is_neither_sparse_nor_compressed()
    {
        var file = new FakeWindowsHandle { Attributes = WindowsFile.Sparse | WindowsFile.Compressed };
        WindowsFile.MakePlain(file);
        Assert.Equal(0U, file.Attributes);
    }

    [Fact]
    public void A_file_that_stays_sparse_whatever_the_system_says_is_an_error()
    {
        var file = new FakeWindowsHandle { Attributes = WindowsFile.Sparse, KeepsSparse = true };
        Assert.ThrowsAny<IOException>(() => WindowsFile.MakePlain(file));
    }

    [Theory]
    [InlineData(WindowsControl.SetSparse)]
    [InlineData(WindowsControl.SetCompression)]
    public void A_flag_that_cannot_be_cleared_is_an_error(uint call)
    {
        var file = new FakeWindowsHandle { Attributes = WindowsFile.Sparse | WindowsFile.Compressed };
        file.Refusals[call] = WindowsError.InvalidFunction;
        Assert.ThrowsAny<IOException>(() => WindowsFile.MakePlain(file));
    }

    [Fact]
    public void The_space_that_a_file_takes_up_is_asked_of_the_open_file()
    {
        Assert.Equal(8192, WindowsFile.AllocatedLength(new FakeWindowsHandle { Allocated = 8192, Compressed = 4096 }));
        Assert.Equal(4096, WindowsFile.AllocatedLength(new FakeWindowsHandle { Attributes = WindowsFile.Sparse, Allocated = 8192, Compressed = 4096 }));
        Assert.Equal(8192, WindowsFile.AllocatedLength(new FakeWindowsHandle { Attributes = WindowsFile.Sparse, Allocated = 8192 }));
    }

    [Fact]
    public void A_file_that_was_written_just_now_may_be_held_by_a_scanner()
    {
        var now = new DateTime(2026, 1, 1, 12, 0, 0, DateTimeKind.Utc);
        Assert.True(WindowsOpening.IsFresh(now.AddSeconds(-1), now));
        Assert.False(WindowsOpening.IsFresh(now.AddMinutes(-1), now));
        // A clock that was set back is no reason to wait for ever.
        Assert.False(WindowsOpening.IsFresh(now.AddDays(1), now));
    }

    private static byte[] Bytes(long first, long second) => [.. BitConverter.GetBytes(first), .. BitConverter.GetBytes(second)];
}
