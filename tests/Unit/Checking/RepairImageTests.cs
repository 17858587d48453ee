using System;
using System.IO;
using System.Linq;
using Qed.Checking;
using Qed.Operations;
using Qed.Storage;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Checking;

/// <summary>The repair of image files, and what becomes of their undo files.</summary>
public sealed class RepairImageTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly byte[] _broken;

    public RepairImageTests()
    {
        var image = new SampleImage(65536, 4, hasBacking: false);
        image.SetL2(1, 1, image.L2(0, 0));
        image.SetL1(3, 0x10001);
        _broken = image.Bytes;
        File.WriteAllBytes(ImagePath, _broken);
    }

    private string ImagePath => _folder["image.qed"];

    private string UndoPath => ImagePath + ".undo";

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_plan_changes_nothing_and_lists_what_a_repair_then_does()
    {
        Fingerprint before = Fingerprint.Of(ImagePath);
        RepairResult plan = RepairImage.Plan(Options());
        before.AssertUntouched();
        Assert.False(File.Exists(UndoPath));
        Assert.Equal(2, plan.After.Corruptions);
        RepairResult done = RepairImage.Run(Options());
        Assert.Equal(plan.Changes.Select(change => change.Description), done.Changes.Select(change => change.Description));
        Assert.True(done.After.IsClean);
        Assert.Equal(UndoPath, done.UndoPath);
    }

    [Fact]
    public void A_plan_counts_no_cluster_as_lost_that_takes_no_space()
    {
        const int Entry = 40;
        string path = _folder["free.qed"];
        // The header, the L1 table, an L2 table, data, a hole, data that only an entry beyond the end of the disk maps, and a hole.
        using (var crafted = new CraftedImage(path, 4096, 1, 16 * 4096))
        {
            crafted.SetClusters(9).L1(0, crafted.At(2)).L2(2, 0, crafted.At(3)).L2(2, Entry, crafted.At(6)).Fill(3, 1).Fill(6, 2);
        }

        RepairResult plan = RepairImage.Plan(new RepairImageOptions { Path = path });
        RepairResult done = RepairImage.Run(new RepairImageOptions { Path = path });
        Assert.Equal(plan.Changes.Select(change => change.Description), done.Changes.Select(change => change.Description));
        Assert.True(done.After.IsClean);
    }

    [Fact]
    public void A_second_repair_leaves_bytes_and_time_of_the_image_alone()
    {
        RepairImage.Run(Options() with { DiscardUndo = true });
        Fingerprint repaired = Fingerprint.Of(ImagePath);
        RepairResult again = RepairImage.Run(Options());
        Assert.True(again.After.IsClean);
        Assert.Empty(again.Changes);
        Assert.Null(again.UndoPath);
        repaired.AssertUntouched();
        Assert.Equal([ImagePath], Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void Undoing_gives_the_original_file_and_removes_the_undo_file()
    {
        RepairImage.Run(Options());
        UndoRepair.Run(new UndoRepairOptions { Path = ImagePath });
        Assert.Equal(_broken, File.ReadAllBytes(ImagePath));
        Assert.Equal([ImagePath], Directory.GetFiles(_folder.Path));
        Fails.With(ErrorKind.ImageNotFound, UndoPath, () => UndoRepair.Run(new UndoRepairOptions { Path = ImagePath }));
    }

    [Fact]
    public void Discarding_leaves_no_undo_file_of_this_or_an_earlier_repair()
    {
        RepairImage.Run(Options());
        Assert.True(File.Exists(UndoPath));
        RepairResult result = RepairImage.Run(Options() with { DiscardUndo = true });
        Assert.Null(result.UndoPath);
        Assert.Equal([ImagePath], Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void An_image_that_the_guest_has_written_since_is_put_back_only_by_force()
    {
        Qemu.Require();
        RepairImage.Run(Options());
        // A cluster that the repair has not touched: only the time of the file tells.
        Qemu.IoOk(ImagePath, "qed", ["write -P 9 65536 512"]);
        byte[] written = File.ReadAllBytes(ImagePath);
        Fails.With(ErrorKind.ImageCorrupt, "changed after the repair", () => UndoRepair.Run(new UndoRepairOptions { Path = ImagePath }));
        Assert.Equal(written, File.ReadAllBytes(ImagePath));
        Assert.True(File.Exists(UndoPath));
        UndoRepair.Run(new UndoRepairOptions { Path = ImagePath, Force = true });
        Assert.Equal(_broken.Length, new FileInfo(ImagePath).Length);
        Assert.Equal(2, CheckImage.Run(new CheckImageOptions { Path = ImagePath }).Corruptions);
        Assert.False(File.Exists(UndoPath));
    }

    [Fact]
    public void A_change_behind_the_original_end_is_noticed_where_no_time_tells()
    {
        var image = new SampleImage(4096, 2, hasBacking: false);
        image.SetL2(1, 3, image.L2(0, 0));
        var storage = new MemoryStorage(image.Bytes);
        var undo = new MemoryUndoStore();
        new ReversibleRepair(storage, undo).Run(RepairMode.All, default);
        Assert.True(storage.Length > image.Bytes.Length);
        storage.Write(storage.Length - 10, [1, 2, 3]);
        Fails.With(ErrorKind.ImageCorrupt, () => new ReversibleRepair(storage, undo).Undo(force: false));
        Fails.With(ErrorKind.ImageExists, () =>
        {
            storage.Write(16, [2]);
            new ReversibleRepair(storage, undo).Run(RepairMode.All, default);
        });
    }

    [Fact]
    public void A_repair_of_what_a_repair_has_left_goes_on_with_its_undo_file()
    {
        RepairImage.Run(Options());
        // Damage after the repair, where the repair wrote.
        using (var file = new FileStream(ImagePath, FileMode.Append))
            file.Write(new byte[65536]);

        Fails.With(ErrorKind.ImageExists, "does not fit", () => RepairImage.Run(Options()));
        UndoRepair.Run(new UndoRepairOptions { Path = ImagePath, Force = true });
        Assert.Equal(_broken, File.ReadAllBytes(ImagePath));
    }

    [Fact]
    public void A_file_of_the_user_s_own_with_the_name_of_an_undo_file_stays()
    {
        File.WriteAllText(UndoPath, "my notes");
        Fails.With(ErrorKind.ImageCorrupt, "is none", () => RepairImage.Run(Options()));
        Fails.With(ErrorKind.ImageCorrupt, "is none", () => UndoRepair.Run(new UndoRepairOptions { Path = ImagePath, Force = true }));
        Assert.Equal("my notes", File.ReadAllText(UndoPath));
        Assert.Equal(_broken, File.ReadAllBytes(ImagePath));
    }

    [Fact]
    public void A_full_disk_is_an_error_after_which_the_image_can_be_put_back()
    {
        using var disk = new SmallDisk();
        string path = disk["image.qed"];
        var image = new SampleImage(4096, 2, hasBacking: false);
        foreach (int entry in SampleImage.DataEntries.Skip(1))
            image.SetL2(0, entry, image.L2(0, 0));
        File.WriteAllBytes(path, image.Bytes);
        // Room for a journal of a few blocks, and for no copy.
        disk.Fill(free: 24 << 10);
        Fails.With(ErrorKind.NotEnoughSpace, () => RepairImage.Run(new RepairImageOptions { Path = path }));
        UndoRepair.Run(new UndoRepairOptions { Path = path });
        Assert.Equal(image.Bytes, File.ReadAllBytes(path));
        disk.FreeSpace();
        Assert.True(RepairImage.Run(new RepairImageOptions { Path = path }).After.IsClean);
    }

    [Fact]
    public void An_image_in_use_and_one_of_another_format_are_refused()
    {
        using (HostFile.Open(ImagePath, StorageAccess.Read))
            Fails.With(ErrorKind.ImageInUse, () => RepairImage.Run(Options()));
        File.WriteAllBytes(_folder["disk.raw"], new byte[4096]);
        Fails.With(ErrorKind.UnsupportedFeature, () => RepairImage.Run(new RepairImageOptions { Path = _folder["disk.raw"] }));
        Assert.False(File.Exists(UndoPath));
    }

    private RepairImageOptions Options() => new() { Path = ImagePath };
}
