using System.IO;
using System.Management.Automation;
using Qed.PowerShell.Serving;

namespace Qed.PowerShell.Loading;

/// <summary>Called by PowerShell when the module is imported and removed, in every runspace that does so.</summary>
public sealed class ModuleLifetime : IModuleAssemblyInitializer, IModuleAssemblyCleanup
{
    private static readonly object Gate = new();
    private static readonly DependencyLoader Loader = new(Path.GetDirectoryName(typeof(ModuleLifetime).Assembly.Location)!);
    private static int _imports;

    /// <summary>Makes the module's libraries available to it.</summary>
    public void OnImport()
    {
        lock (Gate)
        {
            if (_imports++ == 0)
                Loader.Register();
        }
    }

    /// <summary>Stops what still serves images and takes the resolver away when the last runspace removes the module.</summary>
    /// <param name="psModuleInfo">The module.</param>
    public void OnRemove(PSModuleInfo psModuleInfo)
    {
        lock (Gate)
        {
            if (_imports == 0 || --_imports > 0)
                return;
            SessionServers.StopAll();
            Loader.Unregister();
        }
    }
}
