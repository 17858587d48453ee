using System.Collections;
using System.Collections.Generic;
using System.Linq;
using Qed.Operations;

namespace Qed.PowerShell.Completion;

/// <summary>Completes the names of the formats that the engine knows.</summary>
public sealed class FormatNameCompleter : WordCompleter
{
    private protected override IEnumerable<string> Words(IDictionary others) => FormatInfo.All.Select(format => format.Name);
}
