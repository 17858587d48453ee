using System;
using System.IO;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Text;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Interop;

/// <summary>The program of examples/QedFromCSharp, and what pages show of it.</summary>
public sealed class CSharpExampleTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_example_makes_images_that_qemu_finds_sound_and_alike()
    {
        Qemu.Require();
        Qemu.Result result = Qemu.Run("dotnet", "exec", Path.Combine(AppContext.BaseDirectory, "QedFromCSharp.dll"), _folder.Path);
        Assert.Equal((0, string.Empty), (result.ExitCode, result.Error.Trim()));
        Assert.Equal(
            [
                "Created disk.qed: a disk of 64 MiB in 327680 bytes.",
                "Read 'Hello, guest!' at 32 MiB.",
                "Data: 65536 bytes at 1048576.",
                "Data: 65536 bytes at 33554432.",
                "Checked: Clean, 2 of 1024 clusters have data.",
                "Converted to vhdx: disk.vhdx.",
                "Refused: ImageExists. Choose another name, or allow the file to be replaced.",
            ],
            result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.TrimEnd('\r')));
        Qemu.AssertSound(_folder["disk.qed"]);
        Qemu.ImgOk("convert", "-f", "qed", "-O", "raw", _folder["disk.qed"], _folder["disk.raw"]);
        Qemu.AssertSame("vhdx", _folder["disk.raw"], _folder["disk.vhdx"]);
        byte[] expected = new byte[64 << 20];
        foreach (int offset in (int[])[1 << 20, 32 << 20])
            Encoding.UTF8.GetBytes("Hello, guest!", expected.AsSpan(offset));
        Assert.True(File.ReadAllBytes(_folder["disk.raw"]).AsSpan().SequenceEqual(expected));
        Assert.Equal(["disk.qed", "disk.raw", "disk.vhdx"], Directory.GetFiles(_folder.Path).Select(Path.GetFileName).Order());
    }

    [Theory]
    [InlineData("src/Qed.Core/README.md")]
    [InlineData("README.md")]
    public void What_a_page_shows_is_a_part_of_the_example(string page)
    {
        string repository = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(ThisFile())!, "..", "..", ".."));
        page = Path.Combine(repository, page);
        Assert.SkipUnless(File.Exists(page), "the sources are not where the tests were built");
        string[] program = Lines(File.ReadAllText(Path.Combine(repository, "examples", "QedFromCSharp", "Program.cs")));
        string[] shown = Lines(File.ReadAllText(page).Split("```csharp")[1].Split("```")[0]);
        Assert.True(shown.Length > 3);
        Assert.Equal([], shown.Except(program));
    }

    private static string[] Lines(string text)
        => text.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0).ToArray();

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
