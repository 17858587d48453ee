namespace Qed;

/// <summary>What remedies are called where no front end has a command or an option for them.</summary>
internal static class NeutralWords
{
    internal static string Of(Remedy remedy) => remedy.Kind switch
    {
        RemedyKind.TakeNearest => $"The nearest {remedy.Subject} that works is {remedy.Value}.",
        RemedyKind.ListDamage => "A check lists all that is wrong with the image.",
        RemedyKind.SayFormat or RemedyKind.SayDifferenceFormat or RemedyKind.SayBackingFormat => SayFormat(remedy, "give"),
        RemedyKind.StoreBackingFormat => SayFormat(remedy, "have the image store"),
        RemedyKind.CutLoop => "Have one of the images store no backing file: nothing is read for that.",
        RemedyKind.StoreBackingName => "Have the image store another name.",
        RemedyKind.RestoreBackingFile => "Put it back, or have the image store another name.",
        RemedyKind.GiveBackingFile => "Give another backing file.",
        RemedyKind.AllowOverwriting => "Choose another name, or allow the file to be replaced.",
        RemedyKind.GiveSize => "Give the size.",
        RemedyKind.GiveFormat => "Give the format of the new image.",
        RemedyKind.GiveLength => "Say how long it is, or save it to a file first.",
        RemedyKind.EnlargeClusters => "Choose larger clusters.",
        RemedyKind.EnlargeTables => "Choose larger tables.",
        RemedyKind.EnlargeClustersOrTables => "Choose larger clusters or tables.",
        RemedyKind.ReduceClusters => "Choose smaller clusters.",
        RemedyKind.ChooseFixed => "The fixed subformat can hold as much.",
        RemedyKind.ChooseDynamic => "Choose the dynamic subformat.",
        RemedyKind.AllowExternalData => "Look at the name, and allow external data if you trust it.",
        RemedyKind.KeepSource => "Have the source kept.",
        RemedyKind.KeepSourceOrRestElsewhere => "Have the source kept, or give another backing file.",
        RemedyKind.KeepOrDeleteMerged => "Have it kept as it is, or deleted.",
        RemedyKind.ForceMerge => "Merge or convert these first. Forced, the merge is done all the same.",
        RemedyKind.AllowShrinking => "Allow the disk to shrink if what lies beyond can go.",
        RemedyKind.ConvertToQed => "A conversion makes a QED image of it.",
        RemedyKind.CopyWithLargerTables => "A conversion with larger clusters or tables writes a copy that can.",
        RemedyKind.CopyWithoutFeatures => "A conversion writes a copy without them.",
        RemedyKind.ForceDamagedUndo => "Forced, the undo puts back what the file still holds.",
        RemedyKind.ForceLateUndo => "Forced, the undo puts back what the repair had changed all the same, amid what was written since: a last resort.",
        RemedyKind.FinishRepair => "Repair it again, or undo the repair.",
        RemedyKind.FinishUndo => "Undo the repair again to finish it.",
        RemedyKind.DiscardUndo => "Discard the undo file first.",
        RemedyKind.GiveUndoPath => "Name a place for it, on a disk of files.",
        _ => remedy.Subject ?? string.Empty,
    };

    private static string SayFormat(Remedy remedy, string verb)
        => remedy.Subject is { } format ? $"{remedy.Value}, {verb} the format {format}." : $"{remedy.Value}, {verb} its format.";
}
