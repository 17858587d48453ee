using Xunit;

namespace Qed.Tests.Pester;

/// <summary>What is promised of each cmdlet, of the examples that are made of them, and of the way to the users. A class of its own, because classes run beside each other and the files of one do not.</summary>
public sealed class CmdletTests(PesterProcess process) : PesterTests(process)
{
    public static TheoryData<string> Files() => FilesThat(areOfParts: true);

    [Theory]
    [MemberData(nameof(Files))]
    public void Every_Pester_test_of_the_file_passes(string file) => RequireAllToPass(file);
}
