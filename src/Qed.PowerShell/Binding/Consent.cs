using System.Management.Automation;

namespace Qed.PowerShell.Binding;

/// <summary>Whether a user is asked before something is done, or only told with -WhatIf.</summary>
internal static class Consent
{
    /// <summary>Whether a cmdlet of an impact that calls ShouldProcess would not simply go on.</summary>
    /// <param name="cmdlet">The cmdlet.</param>
    /// <param name="impact">How much is at stake.</param>
    internal static bool IsSought(PSCmdlet cmdlet, ConfirmImpact impact) => IsWhatIf(cmdlet) || IsConfirm(cmdlet, impact);

    /// <summary>Whether things are only told, as the parameter says or else the preference.</summary>
    internal static bool IsWhatIf(PSCmdlet cmdlet)
        => LanguagePrimitives.IsTrue(cmdlet.MyInvocation.BoundParameters.TryGetValue("WhatIf", out object? given) ? given : cmdlet.GetVariableValue("WhatIfPreference"));

    private static bool IsConfirm(PSCmdlet cmdlet, ConfirmImpact impact)
        => cmdlet.MyInvocation.BoundParameters.TryGetValue("Confirm", out object? given)
            ? LanguagePrimitives.IsTrue(given)
            : LanguagePrimitives.TryConvertTo(cmdlet.GetVariableValue("ConfirmPreference"), out ConfirmImpact preference)
                && preference != ConfirmImpact.None && impact >= preference;
}
