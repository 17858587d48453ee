using System;
using System.Collections.Generic;
using Qed.Checking;
using Qed.Engine;
using Qed.Storage;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Engine;

/// <summary>
/// On a block device, which does not grow with its image and is full of what others have left, an image finds its end, uses what is
/// free, and says when it is full.
/// </summary>
public sealed class DeviceSpaceTests
{
    private const int Cluster = 4096;
    private const int DiskSize = 4 << 20;
    // Clusters behind the empty image: a header and an L1 table.
    private const int Room = 40;

    [Fact]
    public void A_full_device_says_how_much_is_needed_and_has_room_again_for_what_was_discarded()
    {
        MemoryStorage device = DeviceOf(TestImage.Bytes(DiskSize), Room);
        byte[] model = new byte[DiskSize];
        using (QedImage image = Open(device))
        {
            FillUp(image, model);
            // All but the table.
            Assert.Equal((Room - 1) * Cluster, model.AsSpan().IndexOf((byte)0));
            AssertDisk(model, image);

            // What is there is written in place, and reads.
            Write(image, model, 5 * Cluster, 3 * Cluster, 9);
            Fails.With(ErrorKind.NotEnoughSpace, "bytes are needed, and it has", () => image.Write(new GuestOffset(2 << 20), new byte[Cluster]));

            Discard(image, model, 10 * Cluster, 4 * Cluster);
            // A table as well: the second span has none.
            Write(image, model, 3 << 20, 3 * Cluster, 7);
            Fails.With(ErrorKind.NotEnoughSpace, () => image.Write(new GuestOffset(1 << 20), new byte[Cluster]));
        }

        AssertSound(device, model, allocated: Room - 2);
        using (QedImage image = Open(device))
        {
            Fails.With(ErrorKind.NotEnoughSpace, () => image.Write(new GuestOffset(1 << 20), new byte[Cluster]));
            Discard(image, model, 0, Cluster);
            Write(image, model, 1 << 20, Cluster, 8);
        }

        AssertSound(device, model, allocated: Room - 2);
    }

    [Fact]
    public void A_device_that_has_grown_gives_its_room_at_once()
    {
        MemoryStorage device = DeviceOf(TestImage.Bytes(DiskSize), Room);
        byte[] model = new byte[DiskSize];
        using (QedImage image = Open(device))
        {
            FillUp(image, model);
            // A cluster, and a part of one that is no use.
            device.Enlarge(Cluster + 512);
            Write(image, model, 1 << 20, Cluster, 3);
            Fails.With(ErrorKind.NotEnoughSpace, () => image.Write(new GuestOffset((1 << 20) + Cluster), new byte[1]));
        }

        AssertSound(device, model, allocated: Room);
    }

    [Fact]
    public void What_a_crash_has_lost_is_used_again_without_a_repair()
    {
        MemoryStorage device = DeviceOf(TestImage.Bytes(DiskSize), Room);
        byte[] model = new byte[DiskSize];
        using (QedImage image = Open(device))
        {
            Write(image, model, 0, 10 * Cluster, 1);
            image.Flush();
            image.Write(new GuestOffset(20 * Cluster), Patterns.Filled(20 * Cluster, 2));
            // No entry of that has reached the disk.
            device = new MemoryStorage(device.ToArray()) { IsDevice = true };
        }

        CheckResult check = Check(device);
        Assert.True(check is { NeedsCheck: true, IsClean: true, FreeClusters: 0 });
        using (QedImage image = Open(device))
        {
            Write(image, model, 1 << 20, (Room - 11) * Cluster, 4);
            Fails.With(ErrorKind.NotEnoughSpace, () => image.Write(new GuestOffset(3 << 20), new byte[1]));
        }

        AssertSound(device, model, allocated: Room - 1);
    }

    [Fact]
    public void A_large_image_is_scanned_beside_whoever_uses_it_and_only_who_allocates_waits()
    {
        // A table for each 2 MiB: more than is read at once on opening.
        const int Spans = 1100;
        long size = Spans * (2L << 20);
        MemoryStorage device = DeviceOf(TestImage.Bytes(size, Cluster, 4, image =>
        {
            for (int span = 0; span < Spans; span += 4)
                image.Write(new GuestOffset(span * (2L << 20)), [1]);
        }), Room);
        var background = new LaterBackground();
        using QedImage image = QedImage.Open(device, new QedOpenOptions { ForWriting = true, Background = background });
        Assert.True(image.Space.NeedsScan);
        byte[] read = new byte[1];
        image.Read(new GuestOffset(8 << 20), read);
        image.Write(new GuestOffset(8 << 20), [2]);
        Assert.True(image.Space.NeedsScan);
        background.RunAll();
        Assert.False(image.Space.NeedsScan);
        image.Write(new GuestOffset(4096), [3]);
        image.Flush();
    }

    [Fact]
    public void The_end_is_found_again_after_clusters_were_moved()
    {
        MemoryStorage device = DeviceOf(TestImage.Bytes(DiskSize), Room);
        using QedImage image = Open(device);
        image.Rearrange(_ => 0);
        Assert.True(image.Space.NeedsScan);
        image.Write(new GuestOffset(0), [1]);
        Assert.False(image.Space.NeedsScan);
    }

    [Fact]
    public void Where_the_tables_are_not_sound_nothing_is_given_out_and_the_rest_goes_on()
    {
        byte[] bytes = TestImage.Bytes(DiskSize, fill: image => image.Write(new GuestOffset(0), Patterns.Filled(8 * Cluster, 1)));
        int table = (int)bytes.UInt64At((int)bytes.UInt64At(40));
        MemoryStorage device = DeviceOf(bytes.With(table + (100 * 8), bytes.UInt64At(table)), Room);
        byte[] before = device.ToArray();
        using (QedImage image = Open(device))
        {
            Fails.With(ErrorKind.ImageCorrupt, "which part of the block device is free", () => image.Write(new GuestOffset(20 * Cluster), [1]));
            byte[] read = new byte[Cluster];
            image.Read(new GuestOffset(100 * Cluster), read);
            Assert.Equal(Patterns.Filled(Cluster, 1), read);
            image.Write(new GuestOffset(Cluster), Patterns.Filled(Cluster, 1));
            image.SetBackingName(new Qed.Images.BackingReference("base.raw", "raw"));
            image.SetBackingName(null);
        }

        Assert.Equal(before.AsSpan(bytes.Length), device.ToArray().AsSpan(bytes.Length));
    }

    [Fact]
    public void Where_a_table_cannot_be_read_whoever_allocates_is_told_why()
    {
        MemoryStorage device = DeviceOf(TestImage.Bytes(DiskSize, fill: image => image.Write(new GuestOffset(0), [1])), Room);
        using QedImage image = QedImage.Open(new FailingDevice(device, from: 2 * Cluster), new QedOpenOptions { ForWriting = true, Background = new Background() });
        DiskImageException error = Fails.With(ErrorKind.AccessDenied, () => image.Write(new GuestOffset(3 << 20), [1]));
        Assert.Contains("I/O error", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_image_on_a_device_that_was_made_too_short_takes_no_new_data_and_loses_none()
    {
        byte[] bytes = TestImage.Bytes(DiskSize, fill: image => image.Write(new GuestOffset(0), Patterns.Filled(16 * Cluster, 1)));
        var device = new MemoryStorage(bytes.AsSpan(0, bytes.Length - (2 * Cluster)).ToArray()) { IsDevice = true };
        byte[] before = device.ToArray();
        using (QedImage image = Open(device))
        {
            Fails.With(ErrorKind.ImageCorrupt, () => image.Write(new GuestOffset(1 << 20), [1]));
            Fails.With(ErrorKind.ImageCorrupt, () => image.Read(new GuestOffset(15 * Cluster), new byte[1]));
        }

        // The mark tells the next one that something is wrong.
        Assert.Equal(before.AsSpan(Cluster), device.ToArray().AsSpan(Cluster));
        Assert.True(Check(device) is { Corruptions: 2, NeedsCheck: true });
    }

    private static void FillUp(QedImage image, byte[] model)
    {
        int written = 0;
        DiskImageException error = Fails.With(ErrorKind.NotEnoughSpace, () =>
        {
            for (; ; written++)
                Write(image, model, written * Cluster, Cluster, (byte)(written + 1));
        });
        Assert.Contains($"{Qemu.Text(image.Storage.Length + Cluster)} bytes are needed, and it has {Qemu.Text(image.Storage.Length)}", error.Message, StringComparison.Ordinal);
    }

    private static void Write(QedImage image, byte[] model, int offset, int length, byte value)
    {
        image.Write(new GuestOffset(offset), Patterns.Filled(length, value));
        model.AsSpan(offset, length).Fill(value);
    }

    private static void Discard(QedImage image, byte[] model, int offset, int length)
    {
        image.Discard(new GuestOffset(offset), length);
        model.AsSpan(offset, length).Clear();
    }

    private static void AssertDisk(byte[] model, QedImage image)
    {
        byte[] disk = new byte[model.Length];
        image.Read(new GuestOffset(0), disk);
        Assert.Equal(-1, disk.AsSpan().SequenceEqual(model) ? -1 : disk.AsSpan().CommonPrefixLength(model));
    }

    private static void AssertSound(MemoryStorage device, byte[] model, int allocated)
    {
        CheckResult check = Check(device);
        Assert.True(check is { IsClean: true, NeedsCheck: false }, string.Join("; ", check.Issues));
        Assert.Equal(allocated, check.AllocatedClusters);
        using QedImage image = QedImage.Open(new MemoryStorage(device.ToArray(), canWrite: false) { IsDevice = true });
        AssertDisk(model, image);
    }

    private static CheckResult Check(MemoryStorage device) => new ImageChecker(device, 10).Run(ProgressMeter.Silent, default);

    private static MemoryStorage DeviceOf(byte[] image, int room) => StaleDevice.Of(image, image.Length + (room * Cluster));

    private static QedImage Open(MemoryStorage device)
        => QedImage.Open(device, new QedOpenOptions { ForWriting = true, NeedCheckVerified = true, Background = new Background() });

    /// <summary>Does what others would do beside a test when the test says so.</summary>
    private sealed class LaterBackground : BackgroundWork
    {
        private readonly List<Action> _waiting = [];

        internal void RunAll()
        {
            Assert.NotEmpty(_waiting);
            _waiting.ForEach(work => work());
            _waiting.Clear();
        }

        internal override void Start(Action work) => _waiting.Add(work);

        internal override IDisposable Every(TimeSpan period, Action work) => new Background().Every(period, work);
    }

    /// <summary>A device of which nothing can be read from some place on.</summary>
    private sealed class FailingDevice(MemoryStorage device, long from) : BlockStorage
    {
        public override string Path => device.Path;

        public override bool CanWrite => true;

        public override long Length => device.Length;

        internal override bool HasFixedLength => true;

        public override int Read(long offset, Span<byte> buffer)
            => offset + buffer.Length <= from ? device.Read(offset, buffer)
                : throw new DiskImageException(ErrorKind.AccessDenied, "the device reported an I/O error", Path);

        public override void Write(long offset, ReadOnlySpan<byte> buffer) => device.Write(offset, buffer);

        public override void Flush() => device.Flush();

        protected override void Dispose(bool disposing)
        {
        }
    }
}
