using System;
using System.IO;
using System.Linq;
using Qed.Engine;
using Qed.Operations;
using Qed.Tests.Checking;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Operations;

/// <summary>The life of a QED image on a block device: whatever is done to it there, QEMU reads the same disk.</summary>
public sealed class DeviceImageTests : IDisposable
{
    private const int MiB = 1 << 20;
    private const int Room = 24 * MiB;
    private const int DiskSize = 16 * MiB;

    private readonly TempFolder _folder = new();
    private byte[] _model = new byte[DiskSize];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(512, 65536)]
    [InlineData(4096, 4096)]
    public void An_image_is_created_written_resized_rebased_optimized_and_checked_there(int sectorSize, int clusterSize)
    {
        Qemu.Require();
        using var device = new LoopDevice(Room, sectorSize);
        Create(device, clusterSize);
        AssertSame(device);

        using (var image = (QedImage)OpenImage.ForWriting(device.Path))
        {
            Write(image, 1000, 100_000, 1);
            Write(image, 6 * MiB, MiB, 2);
            Write(image, 9 * MiB, 2 * MiB, 3);
            Discard(image, 10 * MiB, MiB / 2);
            Write(image, 14 * MiB, 300_000, 4);
        }

        AssertSame(device);
        File.WriteAllBytes(_folder["content"], Patterns.Filled(200_000, 5));
        WriteContent.Run(new WriteContentOptions { Path = device.Path, SourceFile = _folder["content"], Offset = 2 * MiB, Verify = true });
        _model.AsSpan(2 * MiB, 200_000).Fill(5);
        AssertSame(device);

        Resize(device, 20 * MiB);
        Resize(device, 11 * MiB);
        byte[] below = Patterns.Random(MiB, 6);
        File.WriteAllBytes(_folder["base.raw"], below);
        SetBackingFile.Run(new SetBackingFileOptions { Path = device.Path, BackingPath = _folder["base.raw"], BackingFormat = "raw", MetadataOnly = false });
        AssertSame(device);
        using (var image = (QedImage)OpenImage.ForWriting(device.Path))
        {
            Write(image, (5 * MiB) + 700, 1000, 7);
            Discard(image, 300_000, 300_000);
        }

        AssertSame(device);
        SetBackingFile.Run(new SetBackingFileOptions { Path = device.Path });
        AssertSame(device);

        OptimizeResult plan = OptimizeImage.Plan(new OptimizeImageOptions { Path = device.Path, Mode = OptimizeMode.Defragment });
        OptimizeResult done = OptimizeImage.Run(new OptimizeImageOptions { Path = device.Path, Mode = OptimizeMode.Defragment });
        Assert.Equal((plan.FileSize, plan.MovedBytes, plan.GainedBytes), (done.FileSize, done.MovedBytes, done.GainedBytes));
        Assert.True(done.GainedBytes > 0 && done.MovedBytes > 0);
        AssertSame(device);
        CheckResult check = CheckImage.Run(new CheckImageOptions { Path = device.Path });
        Assert.True(check is { IsClean: true, NeedsCheck: false, FreeClusters: 0, FragmentedClusters: 0, FileSize: Room });
        Assert.Equal(done.FileSize, check.EndOfUse);
        device.AssertIsDevice();
    }

    [Fact]
    public void What_QEMU_wrote_to_a_file_and_a_copy_of_it_on_a_device_is_continued()
    {
        Qemu.Require();
        using var device = new LoopDevice(Room);
        Qemu.ImgOk("create", "-q", "-f", "qed", _folder["theirs.qed"], Qemu.Text(DiskSize));
        Qemu.IoOk(_folder["theirs.qed"], "qed", ["write -P 1 64k 200k", "write -P 2 8M 64k"]);
        _model.AsSpan(65536, 200 << 10).Fill(1);
        _model.AsSpan(8 * MiB, 65536).Fill(2);
        Assert.Equal(0, Qemu.Run("dd", "if=" + _folder["theirs.qed"], "of=" + device.Path, "bs=64K", "conv=notrunc,fsync").ExitCode);

        // QEMU appends at the end of the file, which on a device is the end of the device, but writes in place.
        Qemu.IoOk(device.Path, "qed", ["write -P 3 100k 10k"]);
        _model.AsSpan(100 << 10, 10 << 10).Fill(3);
        Qemu.Result full = Qemu.Run("qemu-io", "-f", "qed", "-c", "write -P 4 4M 64k", device.Path);
        Assert.Contains("No space left on device", full.Output + full.Error, StringComparison.Ordinal);
        AssertSame(device);

        using (var image = (QedImage)OpenImage.ForWriting(device.Path))
            Write(image, 4 * MiB, 3 * MiB, 5);
        AssertSame(device);
        Qemu.IoOk(device.Path, "qed", ["write -P 6 5M 64k", "flush"]);
        _model.AsSpan(5 * MiB, 65536).Fill(6);
        AssertSame(device);
        Assert.True(CheckImage.Run(new CheckImageOptions { Path = device.Path }).IsClean);
        // To QEMU everything up to the end of the device is the file's, and what nothing references is leaked.
        Assert.Equal(3, Qemu.Img("check", "-f", "qed", device.Path).ExitCode);
    }

    [Fact]
    public void A_volume_that_was_made_larger_has_room_and_one_that_was_made_too_small_is_reported_and_not_written()
    {
        using var device = new LoopDevice(2 * MiB);
        Create(device, 65536);
        DiskImageException full = Fails.With(ErrorKind.NotEnoughSpace, () =>
        {
            using var image = (QedImage)OpenImage.ForWriting(device.Path);
            for (int offset = 0; offset < DiskSize; offset += 65536)
                Write(image, offset, 65536, 1);
        });
        Assert.Contains("Make the device larger", full.Message, StringComparison.Ordinal);
        Assert.True(CheckImage.Run(new CheckImageOptions { Path = device.Path }) is { IsClean: true, NeedsCheck: false });
        device.Resize(3 * MiB);
        using (var image = (QedImage)OpenImage.ForWriting(device.Path))
            Write(image, 8 * MiB, 500_000, 2);
        Assert.Equal(_model, TestImage.ReadAll(device.Path));

        byte[] before = device.Bytes();
        device.Resize(MiB);
        var warnings = new LoggedWarnings();
        CheckResult check = CheckImage.Run(new CheckImageOptions { Path = device.Path }, logger: warnings.Logger);
        Assert.Equal(CheckStatus.Corrupt, check.Status);
        Assert.Contains(warnings.Messages, warning => warning.Contains("made smaller", StringComparison.Ordinal));
        Fails.With(ErrorKind.ImageCorrupt, () => ResizeImage.Run(new ResizeImageOptions { Path = device.Path, Size = 2 * DiskSize }));
        device.Resize(3 * MiB);
        using (FileStream file = File.OpenWrite(device.Content))
            file.Write(before);
        Assert.Equal(_model, TestImage.ReadAll(device.Path));
    }

    [Fact]
    public void A_repair_keeps_its_undo_file_where_it_is_told_and_leads_back_byte_for_byte()
    {
        using var device = new LoopDevice(8 * MiB);
        var image = new SampleImage(4096, 2, hasBacking: false);
        string[] names = ["L2 entry 1 of table 0 leads to data of an earlier one", "L2 entry 7 of table 3 has reserved bits", "L1 entry 3 has reserved bits"];
        foreach (Fault fault in Fault.All(4096, 2).Where(fault => names.Contains(fault.Name)))
            fault.Plant(image);
        using (FileStream file = new(device.Path, FileMode.Open, FileAccess.Write))
            file.Write(image.Bytes);
        byte[] before = device.Bytes();
        Assert.Equal(CheckStatus.Corrupt, CheckImage.Run(new CheckImageOptions { Path = device.Path }).Status);

        var options = new RepairImageOptions { Path = device.Path };
        Assert.NotEmpty(RepairImage.Plan(options).Changes);
        DiskImageException error = Fails.With(ErrorKind.UnsupportedFeature, "no place for one", () => RepairImage.Run(options));
        Assert.Equal(RemedyKind.GiveUndoPath, error.Remedy!.Kind);
        Fails.With(ErrorKind.UnsupportedFeature, "among the system's devices", () => RepairImage.Run(options with { UndoPath = "/dev/shm/image.undo" }));
        Assert.Equal(before, device.Bytes());
        Assert.False(File.Exists(device.Path + ".undo"));

        options = options with { UndoPath = _folder["device.undo"] };
        RepairResult result = RepairImage.Run(options);
        Assert.Equal((CheckStatus.Repaired, _folder["device.undo"]), (result.Status, result.UndoPath));
        Assert.Equal(0, CheckImage.Run(new CheckImageOptions { Path = device.Path }).Corruptions);
        Assert.Empty(RepairImage.Run(options).Changes);
        Assert.Empty(RepairImage.Run(options with { UndoPath = null }).Changes);
        Qemu.Result theirs = Qemu.Img("check", "-f", "qed", device.Path);
        Assert.DoesNotContain("ERROR", theirs.Output + theirs.Error, StringComparison.Ordinal);

        // The volume may have been made larger meanwhile.
        device.Resize(9 * MiB);
        error = Fails.With(ErrorKind.ImageNotFound, () => UndoRepair.Run(new UndoRepairOptions { Path = device.Path }));
        Assert.Equal(RemedyKind.GiveUndoPath, error.Remedy!.Kind);
        Assert.True(UndoRepair.Run(new UndoRepairOptions { Path = device.Path, UndoPath = _folder["device.undo"] }).IsExact);
        Assert.Equal(before, device.Bytes()[..(8 * MiB)]);
        Assert.False(File.Exists(_folder["device.undo"]));
    }

    [Fact]
    public void A_device_that_others_have_is_not_written()
    {
        using var device = new LoopDevice(8 * MiB);
        Create(device, 65536);
        using (new FileStream(device.Path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
            Fails.With(ErrorKind.ImageInUse, "in use by", () => OpenImage.ForWriting(device.Path));
        using (OpenImage.ForWriting(device.Path))
            Fails.With(ErrorKind.ImageInUse, () => ResizeImage.Run(new ResizeImageOptions { Path = device.Path, Size = MiB, AllowShrink = true }));
        using (OpenImage.ForReading(device.Path))
            Fails.With(ErrorKind.ImageInUse, () => OpenImage.ForWriting(device.Path));
    }

    [Fact]
    public void An_overlay_is_merged_into_an_image_that_is_there()
    {
        Qemu.Require();
        using var device = new LoopDevice(Room);
        Create(device, 65536);
        string overlay = TestImage.Create(_folder["overlay.qed"], DiskSize, backing: device.Path, backingFormat: "qed");
        using (var image = (QedImage)OpenImage.ForWriting(overlay))
        {
            Write(image, MiB + 100, 3 * MiB, 1);
            Write(image, 9 * MiB, 1000, 2);
        }

        MergeImage.Run(new MergeImageOptions { Path = overlay });
        AssertSame(device);
        Assert.Equal(_model, TestImage.ReadAll(overlay));
    }

    [Fact]
    public void A_disk_is_converted_into_an_image_that_is_there()
    {
        using var device = new LoopDevice(Room);
        Create(device, 65536);
        _model = Patterns.Random(DiskSize, 8);
        File.WriteAllBytes(_folder["source.raw"], _model);
        ConvertImage.Run(new ConvertImageOptions { Path = _folder["source.raw"], DestinationPath = device.Path, Format = "qed", IntoExisting = true, Verify = true });
        AssertSame(device);
    }

    private static void Create(LoopDevice device, int clusterSize)
        => CreateImage.Run(new CreateImageOptions { Path = device.Path, Size = DiskSize, ClusterSize = clusterSize, TableSize = 4, Force = true });

    private void Resize(LoopDevice device, int size)
    {
        ResizeImage.Run(new ResizeImageOptions { Path = device.Path, Size = size, AllowShrink = true });
        Array.Resize(ref _model, size);
        AssertSame(device);
    }

    private void Write(QedImage image, int offset, int length, byte value)
    {
        image.Write(new GuestOffset(offset), Patterns.Filled(length, value));
        _model.AsSpan(offset, length).Fill(value);
    }

    private void Discard(QedImage image, int offset, int length)
    {
        image.Discard(new GuestOffset(offset), length);
        _model.AsSpan(offset, length).Clear();
    }

    private void AssertSame(LoopDevice device)
    {
        File.WriteAllBytes(_folder["model.raw"], _model);
        Qemu.AssertSame("qed", _folder["model.raw"], device.Path);
        CheckResult check = CheckImage.Run(new CheckImageOptions { Path = device.Path });
        Assert.True(check is { IsClean: true, NeedsCheck: false }, string.Join("; ", check.Issues));
    }
}
