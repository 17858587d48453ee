using Xunit;

namespace Qed.Tests.Pester;

/// <summary>What is promised of the module as a whole: its contract, its package, its help, what holds when it is stopped.</summary>
public sealed class ModuleTests(PesterProcess process) : PesterTests(process)
{
    public static TheoryData<string> Files() => FilesThat(areOfParts: false);

    [Theory]
    [MemberData(nameof(Files))]
    public void Every_Pester_test_of_the_file_passes(string file) => RequireAllToPass(file);
}
