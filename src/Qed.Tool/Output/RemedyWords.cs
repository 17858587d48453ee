using System.Linq;
using Qed.Tool.CommandLine;

namespace Qed.Tool.Output;

/// <summary>What the command calls a remedy for which it has a sub-command or an option, fitting the one that is running.</summary>
/// <param name="command">The sub-command that is running.</param>
internal sealed class RemedyWords(ToolCommand command)
{
    /// <summary>The words for a remedy by itself; null where the engine's own say it all.</summary>
    internal string? Of(Remedy remedy) => remedy.Kind switch
    {
        RemedyKind.ListDamage => "'qed check --details' lists all that is wrong with the image.",
        RemedyKind.SayFormat when ReadsAnyFormat => $"{remedy.Value}, say so with -f{Argument(remedy)}.",
        RemedyKind.SayFormat => $"{remedy.Value}: 'qed convert -f{Argument(remedy, "format")}' reads it so.",
        RemedyKind.SayDifferenceFormat or RemedyKind.SayBackingFormat when Has("-F") => $"{remedy.Value}, say so with -F{Argument(remedy)}.",
        RemedyKind.StoreBackingFormat => $"{remedy.Value}, have its format stored: 'qed rebase -u -b name -F{Argument(remedy, "format")}'.",
        RemedyKind.CutLoop => "'qed rebase -u' without a name cuts the loop: nothing is read for it.",
        RemedyKind.StoreBackingName => "'qed rebase -u -b name' stores another one.",
        RemedyKind.RestoreBackingFile => "Put it back, or store another name: 'qed rebase -u -b name'.",
        RemedyKind.GiveBackingFile when Has("-b") => "Give another file with -b.",
        RemedyKind.GiveBackingFile when Has("-B") => "Give another file with -B.",
        RemedyKind.AllowOverwriting when Has("--no-overwrite") => "Choose another name, or leave out --no-overwrite.",
        RemedyKind.GiveFormat when Has("-O") => "Give it with -O.",
        RemedyKind.GiveLength when Has("--source-size") => "Give it with --source-size, so that a stream which breaks off is noticed; or save it to a file first.",
        RemedyKind.EnlargeClusters when Has("-o") => "Choose a larger -o cluster_size.",
        RemedyKind.EnlargeTables when Has("-o") => "Choose a larger -o table_size.",
        RemedyKind.EnlargeClustersOrTables when Has("-o") => "Choose a larger -o cluster_size or -o table_size.",
        RemedyKind.ReduceClusters when Has("-o") => "Choose a smaller -o cluster_size.",
        RemedyKind.ChooseFixed when Has("-o") => "A fixed subformat can hold as much ('-o help' names it).",
        RemedyKind.ChooseDynamic when Has("-o") => "Choose a dynamic subformat ('-o help' names it).",
        RemedyKind.AllowExternalData when Has("--allow-external-data") => "Look at the name; --allow-external-data opens it.",
        RemedyKind.AllowExternalData => "Look at the name; 'qed convert --allow-external-data' opens it.",
        RemedyKind.KeepSource when Has("--delete-source") => "Leave out --delete-source.",
        RemedyKind.KeepSourceOrRestElsewhere when Has("--delete-source") && Has("-B") => "Leave out --delete-source, or give another -B.",
        RemedyKind.KeepOrDeleteMerged when Has("-d") && Has("--delete-source") => "-d keeps it as it is, --delete-source deletes it.",
        RemedyKind.ForceMerge when Has("--force") => "Merge or convert these first; --force merges all the same.",
        RemedyKind.AllowShrinking when Has("--shrink") => "Then give --shrink.",
        RemedyKind.ConvertToQed => "'qed convert -O qed' makes a QED image of it.",
        RemedyKind.CopyWithLargerTables => "'qed convert -O qed' with a larger -o cluster_size or -o table_size writes a copy that can.",
        RemedyKind.CopyWithoutFeatures => "'qed convert -O qed' writes a copy without them.",
        RemedyKind.ForceDamagedUndo => "'qed check --undo --force' puts back what it still holds.",
        RemedyKind.ForceLateUndo => "'qed check --undo --force' puts back what the repair had changed all the same, amid what was written since: a last resort.",
        RemedyKind.FinishRepair => "'qed check -r all' ends the repair, 'qed check --undo' puts the image back.",
        RemedyKind.FinishUndo => "'qed check --undo' ends it.",
        RemedyKind.DiscardUndo => "'qed check -r all --discard-undo' removes it.",
        RemedyKind.GiveUndoPath => "'qed check --undo-path file' names its place, on a disk of files.",
        _ => null,
    };

    private static string Argument(Remedy remedy, string? otherwise = null)
        => (remedy.Subject ?? otherwise) is { } format ? " " + format : string.Empty;

    /// <summary>Whether naming the format of its image gets the command any further: what is changed where it lies is QED.</summary>
    private bool ReadsAnyFormat => command.Options.Contains(CommonOptions.Format) && command.Name is not ("check" or "resize" or "optimize" or "rebase");

    private bool Has(string spelling)
        => CommonOptions.AllOf(command).Any(option => option.Refusal is null && (spelling == "-" + option.Letter || spelling == "--" + option.LongName));
}
