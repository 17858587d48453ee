namespace Qed.PowerShell.Binding;

/// <summary>Where the help of the cmdlets can be read online: what <c>Get-Help -Online</c> opens.</summary>
internal static class HelpPage
{
    /// <summary>The folder of pages, one for each cmdlet and named after it.</summary>
    internal const string Folder = "https://github.com/qed-developers/qed/blob/main/docs/cmdlets/";
}
