using System.IO;
using System.Linq;
using Qed.Tests.Support;
using Qed.Tool.PreSharedKeys;
using Xunit;

namespace Qed.Tests.Tool;

/// <summary>Files of pre-shared keys, as psktool writes and GnuTLS reads them.</summary>
public sealed class PskFileTests
{
    [Fact]
    public void Names_are_bytes_and_comments_and_blank_lines_are_passed_over()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder["keys.psk"], "\ufeff# who: may\n\nalice:00ff\r\nBob Smith:A1b2 \n#c3a9:01\n#\n#x:y\nalice2:02");
        Assert.Equal(
            [("alice", "00ff"), ("Bob Smith", "a1b2"), ("\u00c3\u00a9", "01"), ("alice2", "02")],
            PskFile.Read(folder["keys.psk"]).Select(pair => (pair.Key, System.Convert.ToHexStringLower(pair.Value))));
    }

    [Theory]
    [InlineData("alice:00\nbob", "line 2: it is not of the form user:key")]
    [InlineData("alice 00", "line 1: it is not of the form user:key")]
    [InlineData(":00", "line 1: it is not of the form user:key")]
    [InlineData("# x\n\nalice:", "line 3: the key is empty")]
    [InlineData("#61:  ", "line 1: the key is empty")]
    [InlineData("alice:012", "line 1: the key is not in hexadecimal, of two digits for each byte")]
    [InlineData("alice:secret!!", "line 1: the key is not in hexadecimal, of two digits for each byte")]
    [InlineData("alice: 00", "line 1: the key is not in hexadecimal, of two digits for each byte")]
    [InlineData("alice:00\nbob:01\nalice:02", "line 3: its user has a key on an earlier line")]
    [InlineData("", "it has no keys")]
    [InlineData("# nobody yet\n", "it has no keys")]
    public void What_is_wrong_is_told_by_the_line_and_without_what_stands_there(string text, string rule)
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder["keys.psk"], text);
        DiskImageException error = Assert.Throws<DiskImageException>(() => PskFile.Read(folder["keys.psk"]));
        Assert.Equal((ErrorKind.ImageNotRecognized, folder["keys.psk"], $"'{folder["keys.psk"]}': {rule}."), (error.Kind, error.Path, error.Message));
    }

    [Fact]
    public void A_file_that_is_not_there_and_a_folder_in_its_place_are_named()
    {
        using var folder = new TempFolder();
        foreach (string name in new[] { "none", Path.Combine("none", "none") })
        {
            DiskImageException missing = Assert.Throws<DiskImageException>(() => PskFile.Read(folder[name]));
            Assert.Equal((ErrorKind.ImageNotFound, folder[name]), (missing.Kind, missing.Path));
        }

        DiskImageException other = Assert.Throws<DiskImageException>(() => PskFile.Read(folder.Path));
        Assert.Equal((ErrorKind.AccessDenied, folder.Path), (other.Kind, other.Path));
    }
}
