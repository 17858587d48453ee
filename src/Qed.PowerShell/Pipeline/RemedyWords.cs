using System;

namespace Qed.PowerShell.Pipeline;

/// <summary>What cmdlets call a remedy for which they have a cmdlet or a parameter, fitting the one that is running.</summary>
/// <param name="cmdlet">The type of the cmdlet that is running.</param>
internal sealed class RemedyWords(Type cmdlet)
{
    /// <summary>The words for a remedy by itself; null where the engine's own say it all.</summary>
    internal string? Of(Remedy remedy) => remedy.Kind switch
    {
        RemedyKind.ListDamage => "Test-QedImage lists all that is wrong with the image.",
        RemedyKind.SayFormat => SayFormat(remedy, "SourceFormat", "Convert-QedImage has -SourceFormat for that"),
        RemedyKind.SayDifferenceFormat => SayFormat(remedy, "DifferenceFormat", "Compare-QedImage has -DifferenceFormat for that"),
        RemedyKind.SayBackingFormat => SayFormat(remedy, "BackingFormat", "Set-QedBackingFile has -BackingFormat for that"),
        RemedyKind.StoreBackingFormat => $"{remedy.Value}, store its format with Set-QedBackingFile -MetadataOnly -BackingFormat{Argument(remedy)}.",
        RemedyKind.CutLoop => "Set-QedBackingFile -None -MetadataOnly cuts the loop: nothing is read for it.",
        RemedyKind.StoreBackingName => "Set-QedBackingFile -MetadataOnly stores another one.",
        RemedyKind.RestoreBackingFile => "Put it back, or store another name with Set-QedBackingFile -MetadataOnly.",
        RemedyKind.GiveBackingFile when Has("BackingPath") => "Give another -BackingPath.",
        RemedyKind.AllowOverwriting when Has("Force") => "Choose another name, or overwrite it with -Force.",
        RemedyKind.GiveSize when Has("SizeBytes") => "Give -SizeBytes.",
        RemedyKind.GiveFormat when Has("Format") => "Give -Format.",
        RemedyKind.EnlargeClusters when Has("ClusterSizeBytes") => "Choose a larger -ClusterSizeBytes.",
        RemedyKind.EnlargeTables when Has("TableSize") => "Choose a larger -TableSize.",
        RemedyKind.EnlargeClustersOrTables when Has("ClusterSizeBytes") && Has("TableSize") => "Choose a larger -ClusterSizeBytes or -TableSize.",
        RemedyKind.ReduceClusters when Has("ClusterSizeBytes") => "Choose a smaller -ClusterSizeBytes.",
        RemedyKind.ChooseFixed when Has("Subformat") => "-Subformat Fixed can hold as much.",
        RemedyKind.ChooseDynamic when Has("Subformat") => "Choose -Subformat Dynamic.",
        RemedyKind.AllowExternalData when Has("AllowExternalData") => "Look at the name; -AllowExternalData opens it.",
        RemedyKind.AllowExternalData => "Look at the name; Convert-QedImage -AllowExternalData opens it.",
        RemedyKind.KeepSource when Has("DeleteSource") => "Leave out -DeleteSource.",
        RemedyKind.KeepSourceOrRestElsewhere when Has("DeleteSource") && Has("BackingPath") => "Leave out -DeleteSource, or give another -BackingPath.",
        RemedyKind.KeepOrDeleteMerged when Has("KeepSource") => "-KeepSource keeps it as it is, -DeleteSource deletes it.",
        RemedyKind.ForceMerge when Has("SearchPath") => "Merge or convert these first; -Force merges all the same.",
        RemedyKind.AllowShrinking when Has("AllowShrink") => "Then give -AllowShrink.",
        RemedyKind.ConvertToQed => "Convert-QedImage makes a QED image of it.",
        RemedyKind.CopyWithLargerTables => "Convert-QedImage with a larger -ClusterSizeBytes or -TableSize writes a copy that can.",
        RemedyKind.CopyWithoutFeatures => "Convert-QedImage writes a copy without them.",
        RemedyKind.ForceDamagedUndo => "Repair-QedImage -Undo -Force puts back what it still holds.",
        RemedyKind.ForceLateUndo => "Repair-QedImage -Undo -Force puts back what the repair had changed all the same, amid what was written since: a last resort.",
        RemedyKind.FinishRepair => "Repair-QedImage ends the repair, Repair-QedImage -Undo puts the image back.",
        RemedyKind.FinishUndo => "Repair-QedImage -Undo ends it.",
        RemedyKind.DiscardUndo => "Repair-QedImage -DiscardUndo removes it.",
        RemedyKind.GiveUndoPath => "Repair-QedImage -UndoPath names its place, on a disk of files.",
        _ => null,
    };

    private static string Argument(Remedy remedy) => remedy.Subject is { } format ? " " + format : string.Empty;

    private string SayFormat(Remedy remedy, string parameter, string elsewhere)
        => Has(parameter) ? $"{remedy.Value}, say so with -{parameter}{Argument(remedy)}." : $"{remedy.Value}: {elsewhere}.";

    private bool Has(string parameter) => cmdlet.GetProperty(parameter) is not null;
}
