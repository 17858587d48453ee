using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using Qed.Formats;

namespace Qed.PowerShell.Completion;

/// <summary>Completes the variants of the new image's format.</summary>
public sealed class SubformatCompleter : WordCompleter
{
    private protected override IEnumerable<string> Words(IDictionary others)
        => TargetFormat(others)?.Subformats.Select(variant => variant.ToString()) ?? Enum.GetNames(typeof(Subformat));
}
