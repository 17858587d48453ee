using System.Collections;
using System.Collections.Generic;

namespace Qed.PowerShell.Completion;

/// <summary>Completes cluster sizes, which are powers of two.</summary>
public sealed class ClusterSizeCompleter : WordCompleter
{
    private static readonly string[] Sizes =
        ["64KB", "4KB", "8KB", "16KB", "32KB", "128KB", "256KB", "512KB", "1MB", "2MB", "4MB", "8MB", "16MB", "32MB", "64MB"];

    private protected override IEnumerable<string> Words(IDictionary others) => TargetFormat(others) is { HasClusterSize: false } ? [] : Sizes;
}
