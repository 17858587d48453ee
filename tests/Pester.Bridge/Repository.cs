using System.IO;
using System.Linq;
using System.Reflection;

namespace Qed.Tests.Pester;

/// <summary>Where the build has put what the tests need.</summary>
internal static class Repository
{
    internal static string Root { get; } = Metadata("RepositoryRoot");

    internal static string Version { get; } = Metadata("Version");

    internal static string PesterFolder { get; } = Metadata("PesterFolder");

    internal static string PesterTests { get; } = Path.Combine(Root, "tests", "Pester");

    private static string Metadata(string key)
        => typeof(Repository).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == key).Value!;
}
