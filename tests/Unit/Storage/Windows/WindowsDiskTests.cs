using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Linq;
using Qed.Storage;
using Qed.Storage.Windows;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Storage.Windows;

/// <summary>A disk of Windows is overwritten only when every volume on it was free, and is read and written by whole sectors.</summary>
public sealed class WindowsDiskTests
{
    private const string Disk = @"\\.\PhysicalDrive3";

    [Fact]
    public void All_volumes_of_a_disk_are_locked_before_the_first_is_dismounted_and_others_left_alone()
    {
        var volumes = new FakeVolumes(("boot", [0]), ("first", [3]), ("spanned", [1, 3]), ("other", [4]));
        using (WindowsDiskClaim? claim = WindowsDiskClaim.Take(Disk, Device(3), volumes))
        {
            Assert.Equal(
                ["first locked", "spanned locked", "first dismounted", "spanned dismounted"],
                volumes.Done);
            Assert.Equal(["boot", "other"], volumes.Closed.Order());
        }

        Assert.Equal(["boot", "first", "other", "spanned"], volumes.Closed.Order());
    }

    [Fact]
    public void A_volume_in_use_is_named_and_nothing_was_dismounted()
    {
        var volumes = new FakeVolumes(("first", [3]), ("second", [3]));
        volumes["second"].Refusals[WindowsControl.LockVolume] = WindowsError.AccessDenied;
        var error = Assert.Throws<DiskImageException>(() => WindowsDiskClaim.Take(Disk, Device(3), volumes));
        Assert.Equal(ErrorKind.ImageInUse, error.Kind);
        Assert.Contains(@"second:\", error.Message, StringComparison.Ordinal);
        Assert.Equal(["first locked"], volumes.Done);
        Assert.Equal(["first", "second"], volumes.Closed.Order());
    }

    [Fact]
    public void A_disk_that_is_read_only_or_without_a_number_is_refused_before_anything_is_locked()
    {
        var volumes = new FakeVolumes(("first", [3]));
        FakeWindowsHandle readOnly = Device(3);
        readOnly.Refusals[WindowsControl.IsDiskWritable] = WindowsError.WriteProtect;
        Assert.Equal(ErrorKind.AccessDenied, Assert.Throws<DiskImageException>(() => WindowsDiskClaim.Take(Disk, readOnly, volumes)).Kind);
        Assert.Equal(ErrorKind.AccessDenied, Assert.Throws<DiskImageException>(() => WindowsDiskClaim.Take(Disk, new FakeWindowsHandle(), volumes)).Kind);
        Assert.Empty(volumes.Done);
    }

    [Fact]
    public void A_volume_is_locked_and_dismounted_itself()
    {
        FakeWindowsHandle volume = Device(3);
        Assert.Null(WindowsDiskClaim.Take(@"\\.\E:", volume, new FakeVolumes()));
        Assert.Equal(
            [WindowsControl.LockVolume, WindowsControl.DismountVolume, WindowsControl.AllowExtendedAccess],
            volume.Asked.Select(call => call.Code).Where(code => code != WindowsControl.IsDiskWritable));
    }

    [Fact]
    public void A_device_is_the_same_under_any_of_its_names_and_a_partition_is_not_its_disk()
    {
        FileIdentity disk = WindowsIdentity.Of(Device(3), Disk);
        Assert.Equal(disk, WindowsIdentity.Of(Device(3), @"\\?\physicaldrive3"));
        Assert.NotEqual(disk, WindowsIdentity.Of(Device(3, partition: 1), @"\\.\E:"));
        Assert.NotEqual(disk, WindowsIdentity.Of(Device(4), @"\\.\PhysicalDrive4"));
        Assert.Equal([disk], WindowsDisk.Beneath(new FakeVolumes(("e", [3]))["e"]));
    }

    [Fact]
    public void A_disk_tells_its_length_and_sectors()
    {
        FakeWindowsHandle disk = Device(3);
        disk.Answers[WindowsControl.GetDiskLength] = BitConverter.GetBytes(1L << 40);
        Assert.Equal(1L << 40, WindowsDisk.LengthOf(disk));
        Assert.Equal(4096, WindowsDisk.SectorSizeOf(disk));
        byte[] geometry = new byte[24];
        BinaryPrimitives.WriteInt32LittleEndian(geometry.AsSpan(20), 512);
        disk.Answers[WindowsControl.GetDiskGeometry] = geometry;
        Assert.Equal(512, WindowsDisk.SectorSizeOf(disk));
    }

    [Theory]
    [InlineData(512)]
    [InlineData(4096)]
    public void Any_bytes_are_read_and_written_by_whole_sectors(int sector)
    {
        byte[] disk = new byte[3 << 20];
        new Random(1).NextBytes(disk);
        byte[] expected = [.. disk];
        SectorIo io = Sectors(disk, sector);
        var random = new Random(2);
        for (int i = 0; i < 200; i++)
        {
            int offset = random.Next(disk.Length);
            int length = random.Next(Math.Min(i % 10 == 0 ? 2 << 20 : 3 * sector, disk.Length - offset));
            byte[] bytes = new byte[length];
            if (i % 2 == 0)
            {
                random.NextBytes(bytes);
                bytes.CopyTo(expected, offset);
                io.Write(offset, bytes);
            }
            else
            {
                Assert.Equal(length, io.Read(offset, bytes));
                Assert.True(bytes.AsSpan().SequenceEqual(expected.AsSpan(offset, length)));
            }
        }

        Assert.True(expected.AsSpan().SequenceEqual(disk));
        Assert.Equal(10, io.Read(disk.Length - 10, new byte[10]));
    }

    /// <summary>A disk in memory that refuses, as a real one, what is not of whole sectors.</summary>
    private static SectorIo Sectors(byte[] disk, int sector)
    {
        return new SectorIo(sector, Read, Write);

        int Read(long offset, Span<byte> buffer)
        {
            Require(offset, buffer.Length);
            int count = (int)Math.Max(0, Math.Min(buffer.Length, disk.Length - offset));
            disk.AsSpan((int)offset, count).CopyTo(buffer);
            return count;
        }

        void Write(long offset, ReadOnlySpan<byte> buffer)
        {
            Require(offset, buffer.Length);
            buffer.CopyTo(disk.AsSpan((int)offset));
        }

        void Require(long offset, int length) => Assert.Equal((0, 0), (offset % sector, length % sector));
    }

    private static FakeWindowsHandle Device(uint number, uint partition = 0)
    {
        byte[] answer = new byte[12];
        BinaryPrimitives.WriteUInt32LittleEndian(answer, 7);
        BinaryPrimitives.WriteUInt32LittleEndian(answer.AsSpan(4), number);
        BinaryPrimitives.WriteUInt32LittleEndian(answer.AsSpan(8), partition);
        var device = new FakeWindowsHandle();
        device.Answers[WindowsControl.GetDeviceNumber] = answer;
        return device;
    }

    private sealed class FakeVolumes : IWindowsVolumes
    {
        private readonly Dictionary<string, FakeWindowsHandle> _volumes = [];

        internal FakeVolumes(params (string Name, uint[] Disks)[] volumes)
        {
            foreach ((string name, uint[] disks) in volumes)
            {
                byte[] extents = new byte[8 + (24 * disks.Length)];
                BinaryPrimitives.WriteInt32LittleEndian(extents, disks.Length);
                for (int i = 0; i < disks.Length; i++)
                    BinaryPrimitives.WriteUInt32LittleEndian(extents.AsSpan(8 + (24 * i)), disks[i]);
                var volume = new FakeWindowsHandle();
                volume.Answers[WindowsControl.GetVolumeDiskExtents] = extents;
                _volumes.Add(name, volume);
            }
        }

        internal List<string> Done { get; } = [];

        internal List<string> Closed { get; } = [];

        internal FakeWindowsHandle this[string name] => _volumes[name];

        public IReadOnlyList<string> All() => [.. _volumes.Keys];

        public IReadOnlyList<string> FoldersOf(string volume) => [volume + @":\"];

        public IWindowsVolume? TryOpen(string volume) => new Open(volume, this);

        private sealed class Open(string name, FakeVolumes all) : IWindowsVolume
        {
            public int Control(uint code, ReadOnlySpan<byte> input, Span<byte> output, out int returned)
            {
                int error = all[name].Control(code, input, output, out returned);
                if (error == WindowsError.None && code is (WindowsControl.LockVolume or WindowsControl.DismountVolume))
                    all.Done.Add(name + (code == WindowsControl.LockVolume ? " locked" : " dismounted"));
                return error;
            }

            public int Query(int informationClass, Span<byte> information) => all[name].Query(informationClass, information);

            public int QueryBasics(Span<byte> information) => all[name].QueryBasics(information);

            public int Set(int informationClass, ReadOnlySpan<byte> information) => all[name].Set(informationClass, information);

            public string? FinalPath(uint kind) => null;

            public void Dispose() => all.Closed.Add(name);
        }
    }
}
