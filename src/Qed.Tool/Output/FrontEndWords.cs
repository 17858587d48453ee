using System.Collections.Generic;
using System.Linq;

namespace Qed.Tool.Output;

/// <summary>The engine's advice names cmdlets and their parameters; here it names what this command has for them.</summary>
internal static class FrontEndWords
{
    // Longer phrases before those that they contain.
    private static readonly (string Cmdlet, string Command)[] Words =
    [
        ("Set-QedBackingFile -MetadataOnly", "'qed rebase -u'"),
        ("Repair-QedImage -Undo", "'qed check --undo'"),
        ("Repair-QedImage -DiscardUndo", "'qed check -r all --discard-undo'"),
        ("Test-QedImage", "'qed check --details'"),
        ("Convert-QedImage", "'qed convert'"),
        ("-SourceFormat", "-f"),
        ("-Subformat Fixed", "a fixed subformat ('-o help' names it)"),
        ("-ClusterSizeBytes", "-o cluster_size"),
        ("-TableSize", "-o table_size"),
        ("-BackingFormat", "-F"),
        ("-BackingPath", "-B"),
        ("-AllowExternalData", "--allow-external-data"),
        ("-AllowShrink", "--shrink"),
        ("-DeleteSource", "--delete-source"),
        ("-SizeBytes", "the size"),
        ("-Format", "-O"),
        ("overwrite it with -Force", "leave out --no-overwrite"),
        ("With -Force", "With --force"),
    ];

    /// <summary>The phrases of the engine that are translated.</summary>
    internal static IEnumerable<string> Known => Words.Select(word => word.Cmdlet);

    internal static string Translate(string message)
    {
        foreach ((string cmdlet, string command) in Words)
            message = message.Replace(cmdlet, command, System.StringComparison.Ordinal);
        return message;
    }
}
