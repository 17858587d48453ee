using System.IO;
using System.Linq;
using System.Reflection;

namespace Qed.Tests.Pester;

/// <summary>Where the build has put what the tests need.</summary>
internal static class Repository
{
    internal static string Root => Metadata("RepositoryRoot");

    internal static string Version => Metadata("Version");

    internal static string PesterFolder => Metadata("PesterFolder");

    internal static string PesterTests => Path.Combine(Root, "tests", "Pester");

    private static string Metadata(string key)
        => typeof(Repository).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == key).Value!;
}
