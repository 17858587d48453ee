using System;
using System.IO;
using System.Reflection;
#if NET
using System.Runtime.Loader;
#else
using System.Collections.Concurrent;
#endif

namespace Qed.PowerShell.Loading;

/// <summary>
/// Loads the libraries that travel with the module, for the module alone. They lie in a folder of their own, where
/// nothing finds them by itself, and never enter the session's default load context.
/// </summary>
/// <remarks>
/// The runtime asks only when it has nothing that fits: a newer copy that another module brought is used as it is, an
/// older one is left to those who brought it. It also says who is asking, so nobody else is ever answered; the events of
/// AssemblyLoadContext do not.
/// </remarks>
internal sealed class DependencyLoader
{
    private readonly string _ownFolder;
    private readonly string _folder;
#if NET
    private readonly DependencyContext _context;
#else
    private readonly ConcurrentDictionary<string, Assembly> _loaded = new(StringComparer.OrdinalIgnoreCase);
#endif

    /// <param name="ownFolder">Where the module's own assemblies lie.</param>
    internal DependencyLoader(string ownFolder)
    {
        _ownFolder = ownFolder;
        _folder = Path.Combine(ownFolder, "dependencies");
#if NET
        _context = new DependencyContext(_folder);
#endif
    }

    internal void Register() => AppDomain.CurrentDomain.AssemblyResolve += Resolve;

    internal void Unregister() => AppDomain.CurrentDomain.AssemblyResolve -= Resolve;

    private static string PathIn(string folder, AssemblyName name) => Path.Combine(folder, name.Name + ".dll");

    private Assembly? Resolve(object? sender, ResolveEventArgs request)
    {
        if (!IsOurs(request.RequestingAssembly))
            return null;
        string path = PathIn(_folder, new AssemblyName(request.Name));
        return File.Exists(path) ? Load(path) : null;
    }

    private bool IsOurs(Assembly? requester)
    {
        // .NET Framework does not always know; the folder's contents then decide.
        if (requester is null)
            return Environment.Version.Major < 5;
        if (requester.IsDynamic)
            return false;
        string? folder = Path.GetDirectoryName(requester.Location);
        return string.Equals(folder, _ownFolder, StringComparison.OrdinalIgnoreCase)
            || string.Equals(folder, _folder, StringComparison.OrdinalIgnoreCase);
    }

#if NET
    private Assembly Load(string path) => _context.LoadFromAssemblyPath(path);

    /// <summary>Finds what is in the folder there and leaves the rest, the runtime's own libraries, to the default context.</summary>
    private sealed class DependencyContext(string folder) : AssemblyLoadContext("Qed dependencies")
    {
        protected override Assembly? Load(AssemblyName assemblyName)
        {
            string path = PathIn(folder, assemblyName);
            return File.Exists(path) ? LoadFromAssemblyPath(path) : null;
        }
    }
#else
    // Loaded as a file, an assembly stays apart from what anybody else loads under the same name.
    private Assembly Load(string path) => _loaded.GetOrAdd(path, Assembly.LoadFile);
#endif
}
