namespace Qed;

/// <summary>Paths as PowerShell passes them between cmdlets.</summary>
internal static class ProviderPath
{
    internal static string Of(string path) => @"Microsoft.PowerShell.Core\FileSystem::" + path;
}
