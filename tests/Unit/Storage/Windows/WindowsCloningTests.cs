using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Linq;
using Qed.Storage.Windows;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Storage.Windows;

/// <summary>Files of ReFS share blocks as its documents demand: whole clusters, less than 4 GiB at once, within the target's length, with checksums alike.</summary>
public sealed class WindowsCloningTests
{
    private const int Cluster = 4096;
    private const long Gigabyte = 1L << 30;

    private readonly FakeWindowsHandle _source = OnReFS(checksums: 0);
    private readonly FakeWindowsHandle _target = OnReFS(checksums: 0);

    [Fact]
    public void A_range_is_shared_in_pieces_that_the_system_takes_and_never_behind_the_targets_end()
    {
        Assert.True(TryClone(from: 8 * Cluster, to: 2 * Cluster, length: 5 * Gigabyte));
        (long From, long To, long Length)[] pieces = Pieces().ToArray();
        Assert.All(pieces, piece => Assert.InRange(piece.Length, 1, (4 * Gigabyte) - 1));
        Assert.Equal(5 * Gigabyte, pieces.Sum(piece => piece.Length));
        Assert.Equal((8 * Cluster, 2 * Cluster), (pieces[0].From, pieces[0].To));
        Assert.Equal(pieces[0].To + pieces[0].Length, pieces[1].To);
        (int set, byte[] length) = Assert.Single(_target.WasSet);
        Assert.Equal(WindowsControl.EndOfFileInfo, set);
        Assert.Equal((2 * Cluster) + (5 * Gigabyte), BitConverter.ToInt64(length));
    }

    [Fact]
    public void A_target_that_is_longer_is_not_cut()
    {
        _target.Length = 10 * Gigabyte;
        Assert.True(TryClone(0, 0, Cluster));
        Assert.Empty(_target.WasSet);
    }

    [Theory]
    [InlineData(512, 0, Cluster)]
    [InlineData(0, 512, Cluster)]
    [InlineData(0, 0, Cluster + 512)]
    public void What_is_no_whole_cluster_is_copied(long from, long to, long length)
    {
        Assert.False(TryClone(from, to, length));
        Assert.Empty(Pieces());
        Assert.Empty(_target.WasSet);
    }

    [Fact]
    public void On_a_file_system_without_sharing_all_is_copied()
    {
        _source.Answers.Clear();
        _source.Refusals[WindowsControl.GetIntegrity] = WindowsError.InvalidFunction;
        Assert.False(TryClone(0, 0, Cluster));
        Assert.Empty(_target.Asked);
    }

    [Fact]
    public void A_target_gets_the_checksums_of_its_source()
    {
        FakeWindowsHandle source = OnReFS(checksums: 2);
        Assert.True(new WindowsCloning(_target, new WindowsGrowth(_target)).TryClone(source, new IntPtr(77), 0, 0, Cluster));
        byte[] set = _target.Asked.Single(call => call.Code == WindowsControl.SetIntegrity).Input;
        Assert.Equal(2, BinaryPrimitives.ReadUInt16LittleEndian(set));
    }

    [Fact]
    public void Where_checksums_differ_and_must_all_is_copied()
    {
        _target.Refusals[WindowsControl.SetIntegrity] = WindowsError.AccessDenied;
        Assert.False(new WindowsCloning(_target, new WindowsGrowth(_target)).TryClone(OnReFS(checksums: 2), new IntPtr(77), 0, 0, Cluster));
        Assert.Empty(Pieces());
    }

    [Fact]
    public void Between_two_volumes_all_is_copied()
    {
        _target.Refusals[WindowsControl.DuplicateExtents] = WindowsError.InvalidParameter;
        Assert.False(TryClone(0, 0, Cluster));
    }

    [Fact]
    public void Space_is_taken_in_large_steps_and_never_less_than_the_file_is_long()
    {
        var file = new FakeWindowsHandle { Length = 100 << 20, Allocated = 100 << 20 };
        using var growth = new WindowsGrowth(file);
        growth.Reserve(1 << 20);
        Assert.Empty(file.WasSet);
        growth.Reserve(101 << 20);
        growth.Reserve(102 << 20);
        (int set, byte[] size) = Assert.Single(file.WasSet);
        Assert.Equal(WindowsControl.AllocationInfo, set);
        Assert.InRange(BitConverter.ToInt64(size), 102 << 20, 256 << 20);
    }

    [Theory]
    [InlineData(WindowsFile.Sparse)]
    [InlineData(WindowsFile.Compressed)]
    public void The_holes_of_a_file_are_not_filled_ahead(uint attributes)
    {
        var file = new FakeWindowsHandle { Attributes = attributes };
        using var growth = new WindowsGrowth(file);
        growth.Reserve(1 << 30);
        Assert.Empty(file.WasSet);
    }

    private bool TryClone(long from, long to, long length)
        => new WindowsCloning(_target, new WindowsGrowth(_target)).TryClone(_source, new IntPtr(77), from, to, length);

    private IEnumerable<(long From, long To, long Length)> Pieces() => _target.Asked
        .Where(call => call.Code == WindowsControl.DuplicateExtents)
        .Select(call =>
        {
            Assert.Equal(77, BitConverter.ToInt32(call.Input));
            return (BitConverter.ToInt64(call.Input, 8), BitConverter.ToInt64(call.Input, 16), BitConverter.ToInt64(call.Input, 24));
        });

    private static FakeWindowsHandle OnReFS(ushort checksums)
    {
        byte[] integrity = new byte[16];
        BinaryPrimitives.WriteUInt16LittleEndian(integrity, checksums);
        BinaryPrimitives.WriteUInt32LittleEndian(integrity.AsSpan(12), Cluster);
        var file = new FakeWindowsHandle();
        file.Answers[WindowsControl.GetIntegrity] = integrity;
        return file;
    }
}
