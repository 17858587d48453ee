namespace Qed;

/// <summary>Paths as PowerShell passes them between cmdlets.</summary>
internal static class ProviderPath
{
    internal const string Prefix = @"Microsoft.PowerShell.Core\FileSystem::";

    internal static string Of(string path) => Prefix + path;
}
