using System.Collections;
using System.Collections.Generic;

namespace Qed.PowerShell.Completion;

/// <summary>Completes the sizes of a disk's sectors.</summary>
public sealed class SectorSizeCompleter : WordCompleter
{
    private static readonly string[] Sizes = ["512", "4096"];

    private protected override IEnumerable<string> Words(IDictionary others) => Sizes;
}
