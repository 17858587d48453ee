using System.Collections;
using System.Collections.Generic;

namespace Qed.PowerShell.Completion;

/// <summary>Completes the sizes of QED's tables, in clusters.</summary>
public sealed class TableSizeCompleter : WordCompleter
{
    private static readonly string[] Sizes = ["4", "1", "2", "8", "16"];

    private protected override IEnumerable<string> Words(IDictionary others) => TargetFormat(others) is { HasTableSize: false } ? [] : Sizes;
}
