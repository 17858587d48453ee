using System.IO;
using System.Linq;
using System.Text.Json;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Tool;

/// <summary>JSON survives whatever code page the next program reads it in.</summary>
public sealed class JsonTests
{
    private const string Name = "über漢😀.qed";

    [Fact]
    public void Names_beyond_ASCII_are_escaped_and_come_back_whole()
    {
        using var folder = new TempFolder();
        Assert.Equal(0, Invocation.Ours($"create -f qed {{d}}/{Name} 1M", folder.Path).ExitCode);
        string text = Invocation.Ours($"info --output=json {{d}}/{Name}", folder.Path).Output;
        Assert.True(text.All(char.IsAscii), text);
        using var json = JsonDocument.Parse(text);
        Assert.Equal(Name, Path.GetFileName(json.RootElement.GetProperty("filename").GetString()));
    }

    [Fact]
    public void QEMU_escapes_the_same_letters_in_the_same_way()
    {
        Qemu.Require();
        using var folder = new TempFolder();
        Invocation.Ours($"create -f qed {{d}}/{Name} 1M", folder.Path);
        Assert.Equal(Filename(Invocation.Theirs($"info --output=json {{d}}/{Name}", folder.Path).Output), Filename(Invocation.Ours($"info --output=json {{d}}/{Name}", folder.Path).Output));

        static string Filename(string json) => json.Split('\n').Single(line => line.StartsWith("    \"filename\"", System.StringComparison.Ordinal));
    }
}
