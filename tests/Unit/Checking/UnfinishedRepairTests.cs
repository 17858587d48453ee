using System;
using System.Collections.Generic;
using System.IO;
using Microsoft.Extensions.Logging;
using Qed.Checking;
using Qed.Engine;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Checking;

/// <summary>
/// The undo file of a repair that was killed, or whose undoing was: it is used for the state of the image that it belongs
/// to and for no other, nobody changes the image meanwhile, and everybody who looks is told.
/// </summary>
public sealed class UnfinishedRepairTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly List<string> _warnings = [];
    private readonly byte[] _sound;
    private readonly byte[] _broken;

    public UnfinishedRepairTests()
    {
        _sound = new SampleImage(65536, 4, hasBacking: false).Bytes;
        var image = new SampleImage(65536, 4, hasBacking: false);
        image.SetL2(1, 1, image.L2(0, 0));
        image.SetL2(1, 2, 0x1234);
        image.SetL1(3, 0x10001);
        _broken = image.Bytes;
    }

    private string ImagePath => _folder["image.qed"];

    private string UndoPath => ImagePath + ".undo";

    private ILogger Logger => new CallbackLogger((level, message) =>
    {
        if (level == DiagnosticLevel.Warning)
            _warnings.Add(message);
    });

    public static TheoryData<bool> Kills() => [true, false];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Kills))]
    public void Everybody_who_looks_is_told(bool inUndo)
    {
        Kill(inUndo);
        Assert.Equal(UndoPath, Check().UnfinishedUndoPath);
        Assert.Contains("has begun and not ended", Assert.Single(_warnings), StringComparison.Ordinal);
        Assert.Contains("RepairUnfinished", Describe.Of(ImagePath).Features);
        RepairImage.Plan(new RepairImageOptions { Path = ImagePath }, logger: Logger);
        Assert.Equal(2, _warnings.Count);
    }

    [Theory]
    [MemberData(nameof(Kills))]
    public void Nobody_changes_the_image_before_that_is_ended(bool inUndo)
    {
        Kill(inUndo);
        AssertNobodyChangesIt("has begun and not ended");
        // The image itself says so as well, also where it has lost its undo file.
        Fails.With(ErrorKind.ImageCorrupt, "has begun and not ended", () => QedImage.Open(ImagePath, new QedOpenOptions { ForWriting = true }).Dispose());
        UndoRepair.Run(new UndoRepairOptions { Path = ImagePath });
        Assert.Equal(_broken, File.ReadAllBytes(ImagePath));
        Assert.Null(Check().UnfinishedUndoPath);
    }

    [Theory]
    [MemberData(nameof(Kills))]
    public void A_backup_that_was_put_in_the_image_s_place_is_not_undone_and_not_changed(bool inUndo)
    {
        Kill(inUndo);
        File.WriteAllBytes(ImagePath, _sound);
        AssertNobodyChangesIt("in another state");
        Assert.Equal(UndoPath, Check().UnfinishedUndoPath);
        Assert.Contains("another state", Assert.Single(_warnings), StringComparison.Ordinal);
        Fails.With(ErrorKind.ImageCorrupt, "another state", () => UndoRepair.Run(new UndoRepairOptions { Path = ImagePath }));
        Fails.With(ErrorKind.ImageExists, () => RepairImage.Run(new RepairImageOptions { Path = ImagePath }));
        Assert.Equal(_sound, File.ReadAllBytes(ImagePath));
        RepairImage.Run(new RepairImageOptions { Path = ImagePath, DiscardUndo = true });
        Assert.Equal(_sound, File.ReadAllBytes(ImagePath));
        Assert.False(File.Exists(UndoPath));
        ResizeImage.Run(new ResizeImageOptions { Path = ImagePath, Size = Check().TotalClusters * 65536 * 2 });
    }

    [Theory]
    [MemberData(nameof(Kills))]
    public void What_a_guest_has_written_since_is_not_undone(bool inUndo)
    {
        Qemu.Require();
        Kill(inUndo);
        // A cluster that nobody has saved: nothing but the mark tells.
        Qemu.IoOk(ImagePath, "qed", ["write -P 9 0 512"]);
        byte[] written = File.ReadAllBytes(ImagePath);
        Fails.With(ErrorKind.ImageCorrupt, "another state", () => UndoRepair.Run(new UndoRepairOptions { Path = ImagePath }));
        Assert.Equal(written, File.ReadAllBytes(ImagePath));
        Assert.False(UndoRepair.Run(new UndoRepairOptions { Path = ImagePath, Force = true }, logger: Logger).IsExact);
        Assert.Contains("amid whatever else", Assert.Single(_warnings), StringComparison.Ordinal);
        Assert.False(File.Exists(UndoPath));
    }

    [Theory]
    [MemberData(nameof(Kills))]
    public void Image_and_undo_file_are_as_good_where_they_were_copied_to(bool inUndo)
    {
        Kill(inUndo);
        Directory.CreateDirectory(_folder["elsewhere"]);
        foreach (string file in new[] { ImagePath, UndoPath })
            File.WriteAllBytes(Path.Combine(_folder["elsewhere"], Path.GetFileName(file)), File.ReadAllBytes(file));
        string copy = Path.Combine(_folder["elsewhere"], "image.qed");
        UndoResult result = UndoRepair.Run(new UndoRepairOptions { Path = copy });
        Assert.True(result.IsExact && result.UndoPath is null && result.RestoredBytes > 0);
        Assert.Equal(_broken, File.ReadAllBytes(copy));
    }

    [Fact]
    public void A_finished_repair_can_be_undone_where_it_was_copied_to_and_after_a_restored_backup_of_it()
    {
        File.WriteAllBytes(ImagePath, _broken);
        RepairImage.Run(new RepairImageOptions { Path = ImagePath });
        byte[] backup = File.ReadAllBytes(ImagePath);
        Assert.Contains("RepairUndoable", Describe.Of(ImagePath).Features);
        TestImage.Write(ImagePath, 0, [1]);
        Assert.DoesNotContain("RepairUndoable", Describe.Of(ImagePath).Features);
        Fails.With(ErrorKind.ImageCorrupt, "changed after the repair", () => UndoRepair.Run(new UndoRepairOptions { Path = ImagePath }));
        File.WriteAllBytes(ImagePath, backup);
        File.SetLastWriteTimeUtc(ImagePath, DateTime.UnixEpoch);
        Assert.True(UndoRepair.Run(new UndoRepairOptions { Path = ImagePath }).IsExact);
        Assert.Equal(_broken, File.ReadAllBytes(ImagePath));
    }

    [Fact]
    public void A_repair_that_was_killed_after_its_last_change_is_ended_by_the_next_one()
    {
        // Every change was made, and only the note that the repair has ended is missing.
        Kill(inUndo: false, changesLeft: 2);
        Assert.True(Check().IsClean);
        RepairResult result = RepairImage.Run(new RepairImageOptions { Path = ImagePath });
        Assert.Empty(result.Changes);
        Assert.Equal(UndoPath, result.UndoPath);
        Assert.Null(Check().UnfinishedUndoPath);
        TestImage.Write(ImagePath, 0, [1]);
    }

    [Fact]
    public void An_image_that_has_lost_its_undo_file_is_repaired_as_it_is()
    {
        // It carries the mark and is as corrupt as before: right after the journal has begun.
        Kill(inUndo: false, changesDone: 2);
        File.Delete(UndoPath);
        Fails.With(ErrorKind.ImageCorrupt, "corruptions", () => ResizeImage.Run(new ResizeImageOptions { Path = ImagePath }));
        Assert.True(RepairImage.Run(new RepairImageOptions { Path = ImagePath }).After.IsClean);
        TestImage.Write(ImagePath, 0, [1]);
        Kill(inUndo: false, changesLeft: 2);
        File.Delete(UndoPath);
        RepairChange change = Assert.Single(RepairImage.Run(new RepairImageOptions { Path = ImagePath, DiscardUndo = true }).Changes);
        Assert.Contains("mark of a repair", change.Description, StringComparison.Ordinal);
        Assert.Empty(Describe.Of(ImagePath).Features);
        TestImage.Write(ImagePath, 0, [1]);
    }

    [Fact]
    public void The_undo_file_lies_beside_the_file_that_a_link_leads_to()
    {
        Directory.CreateDirectory(_folder["links"]);
        string link = Path.Combine(_folder["links"], "link.qed");
        Link.Symbolic(link, ImagePath);
        File.WriteAllBytes(ImagePath, _broken);
        Assert.Equal(UndoPath, RepairImage.Run(new RepairImageOptions { Path = link }).UndoPath);
        Assert.Equal([link], Directory.GetFiles(_folder["links"]));
        Assert.True(UndoRepair.Run(new UndoRepairOptions { Path = ImagePath }).IsExact);
        Assert.Equal(_broken, File.ReadAllBytes(ImagePath));
    }

    [Fact]
    public void A_file_of_the_user_s_own_is_not_discarded_in_its_place()
    {
        File.WriteAllBytes(ImagePath, _broken);
        File.WriteAllText(UndoPath, "my notes");
        Fails.With(ErrorKind.ImageCorrupt, "is none", () => RepairImage.Run(new RepairImageOptions { Path = ImagePath, DiscardUndo = true }));
        Assert.Equal("my notes", File.ReadAllText(UndoPath));
        Assert.Null(Check().UnfinishedUndoPath);
    }

    [Fact]
    public void A_forced_undo_says_what_it_could_not_put_back_and_keeps_the_file()
    {
        File.WriteAllBytes(ImagePath, _broken);
        RepairImage.Run(new RepairImageOptions { Path = ImagePath });
        byte[] undo = File.ReadAllBytes(UndoPath);
        File.WriteAllBytes(UndoPath, undo[..(undo.Length / 2)]);
        Fails.With(ErrorKind.ImageCorrupt, "damaged", () => UndoRepair.Run(new UndoRepairOptions { Path = ImagePath }));
        UndoResult result = UndoRepair.Run(new UndoRepairOptions { Path = ImagePath, Force = true }, logger: Logger);
        Assert.True(result is { IsExact: false, IsCutOff: true } && result.UndoPath == UndoPath);
        string warning = Assert.Single(_warnings);
        Assert.Contains("is not as it was before its repair", warning, StringComparison.Ordinal);
        Assert.Contains("breaks off", warning, StringComparison.Ordinal);
        Assert.True(File.Exists(UndoPath));
    }

    private void AssertNobodyChangesIt(string message)
    {
        Fingerprint before = Fingerprint.Of(ImagePath);
        Action[] changes =
        [
            () => ResizeImage.Run(new ResizeImageOptions { Path = ImagePath }),
            () => ResizeImage.Run(new ResizeImageOptions { Path = ImagePath, Size = 1L << 40 }),
            () => SetBackingFile.Run(new SetBackingFileOptions { Path = ImagePath }),
            () => SetBackingFile.Run(new SetBackingFileOptions { Path = ImagePath, BackingPath = "other.raw", MetadataOnly = true }),
            () => OpenImage.ForWriting(ImagePath).Dispose(),
            () => WriteContent.Run(new WriteContentOptions { Path = ImagePath, SourceStream = new MemoryStream(new byte[512]) }),
        ];
        foreach (Action change in changes)
            Fails.With(ErrorKind.ImageCorrupt, message, change);
        before.AssertUntouched();
    }

    private CheckResult Check() => CheckImage.Run(new CheckImageOptions { Path = ImagePath }, logger: Logger);

    /// <summary>Leaves image and undo file as a kill does, in the middle or before the last changes.</summary>
    private void Kill(bool inUndo, int? changesLeft = null, int? changesDone = null)
    {
        var storage = new MemoryStorage(_broken);
        var undo = new MemoryUndoStore();
        var repair = new ReversibleRepair(storage, undo);
        if (inUndo)
            repair.Run(RepairMode.All, default);
        byte[] image = storage.ToArray();
        byte[]? journal = undo.Journal?.ToArray();
        int changes = 0;
        storage.BeforeChange = _ => changes++;
        Do(repair, inUndo);
        int last = changesLeft is { } left ? changes - left : changesDone ?? changes / 2;

        storage = new MemoryStorage(image);
        undo = new MemoryUndoStore(journal is null ? null : new MemoryStorage(journal));
        storage.BeforeChange = _ =>
        {
            if (last-- == 0)
                throw new InvalidOperationException("killed");
        };
        Assert.Throws<InvalidOperationException>(() => Do(new ReversibleRepair(storage, undo), inUndo));
        File.WriteAllBytes(ImagePath, storage.ToArray());
        File.WriteAllBytes(UndoPath, undo.Journal!.ToArray());
    }

    private static void Do(ReversibleRepair repair, bool inUndo)
    {
        if (inUndo)
            repair.Undo(force: false);
        else
            repair.Run(RepairMode.All, default);
    }
}
