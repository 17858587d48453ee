using System;
using System.Collections.Generic;
using System.Linq;
using Qed.Checking;
using Qed.Storage;

namespace Qed.Tests.Fuzzing;

/// <summary>All that is done to a QED image in place: each work on a copy of the mutant.</summary>
internal sealed class QedTrial(Mutant mutant, FuzzFiles files, WorkMeter meter, Trial trial)
{
    // Of so many mutants one is changed, the others are repaired.
    private const int Share = 3;
    private const int MostIssues = 1 << 16;

    internal void Run()
    {
        byte[] before = mutant[mutant.Main].ToArray();
        if (mutant.Number / 2 % Share == 0)
            new QedChangeTrial(mutant, files, meter, trial).Run(before);
        else
            RepairAndUndo(before);
    }

    private void RepairAndUndo(byte[] before)
    {
        List<string>? planned = null;
        trial.Run("plan", () => planned = Plan(files.Copy(before, canWrite: false)));
        FuzzStorage image = files.Copy(before);
        var undo = new FuzzUndo(meter);
        List<string>? done = null;
        CheckResult? left = null;
        trial.Run("repair", () => (left, done) = Repair(image, undo));
        if ((planned is null) != (done is null))
            throw new FuzzFailure($"a repair refuses what its plan refuses: {trial.Error?.Message}");
        if (done is not null)
        {
            if (!planned!.SequenceEqual(done))
                throw new FuzzFailure($"a repair does what was planned, not ({string.Join("; ", done.Except(planned!).Take(9))}) in place of ({string.Join("; ", planned!.Except(done).Take(9))})");
            Judge(image, undo, left!, done, before);
        }
    }

    private void Judge(FuzzStorage image, FuzzUndo undo, CheckResult left, List<string> done, byte[] before)
    {
        byte[] after = image.Contents.ToArray();
        if (!left.IsClean && left.Issues.Count == 0)
            throw new FuzzFailure("what a repair leaves is listed");
        if (left is { IsClean: true, NeedsCheck: true })
            throw new FuzzFailure("a repaired image needs no check");
        if (undo.Exists != done.Count > 0)
            throw new FuzzFailure("there is an undo file where there were changes");
        trial.Run("second repair", () =>
        {
            (CheckResult second, List<string> more) = Repair(files.Copy(after), new FuzzUndo(meter));
            if (more.Count > 0 || (second.Corruptions, second.LeakedClusters) != (left.Corruptions, left.LeakedClusters))
                throw new FuzzFailure($"a second repair changes nothing, as {more.FirstOrDefault()} does");
        });
        RequireDone("a second repair is possible");
        // Now and then the undo file is what somebody has tampered with.
        if (undo.Exists && mutant.Number % 8 == 3)
            TamperAndUndo(image, undo);
        else if (undo.Exists)
            Undo(image, undo, before);
    }

    private void Undo(FuzzStorage image, FuzzUndo undo, byte[] before)
    {
        trial.Run("undo", () => new ReversibleRepair(image, undo).Undo(force: false));
        RequireDone("a repair can be undone");
        if (!image.Contents.SequenceEqual(before))
            throw new FuzzFailure("undoing a repair leads back");
        if (undo.Exists)
            throw new FuzzFailure("an undo file that was used is removed");
    }

    private void TamperAndUndo(FuzzStorage image, FuzzUndo undo)
    {
        undo.Tamper(new Random((int)mutant.Number));
        byte[] repaired = image.Contents.ToArray();
        bool isDone = trial.Run("undo with a bad file", () => new ReversibleRepair(image, undo).Undo(force: false));
        if (!isDone && !image.Contents.SequenceEqual(repaired))
            throw new FuzzFailure("a refused undo changes nothing");
        trial.Run("undo with a bad file by force", () => new ReversibleRepair(image, undo).Undo(force: true));
        trial.Run("repair beside a bad undo file", () => new ReversibleRepair(image, undo).Run(RepairMode.All, meter.Stop), mayExist: true);
    }

    private void RequireDone(string promise)
    {
        if (trial.Error is { } error)
            throw new FuzzFailure($"{promise}: {error.Message}", error);
    }

    private List<string> Plan(BlockStorage storage) => [.. ImageRepairer.Plan(storage, RepairMode.All, null, meter.Stop).Changes.Select(Text)];

    private (CheckResult Left, List<string> Changes) Repair(BlockStorage storage, IUndoStore undo)
    {
        (CheckResult left, List<RepairChange> changes) = new ReversibleRepair(storage, undo).Run(RepairMode.All, meter.Stop);
        return (left with { Issues = [.. left.Issues.Take(MostIssues)] }, [.. changes.Select(Text)]);
    }

    private static string Text(RepairChange change) => $"{change.Description} ({change.Issue?.Kind} {change.Issue?.L1Index} {change.Issue?.L2Index})";
}
