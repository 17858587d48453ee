using System;
using System.IO;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Formats;

/// <summary>Microsoft's formats store a parent's path as Windows has it: one that would not come back as it is, is refused before anything is written.</summary>
public sealed class ParentNameTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public static TheoryData<string> Formats { get; } = ["vhd", "vhdx"];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Formats))]
    public void With_a_backslash_are_refused_where_it_separates_nothing(string format)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "on Windows a backslash separates folders");
        AssertRefused(format, "ba\\se", "backslash");
        Directory.CreateDirectory(_folder["a\\b"]);
        AssertRefused(format, "a\\b/base", "backslash");
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void With_half_a_character_are_refused(string format)
    {
        Wine.CannotShow("no name is in half characters");
        MonoRuntime.CannotShow("no name is in half characters");
        AssertRefused(format, "ba\ud83dse", "not valid Unicode");
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Of_any_valid_characters_are_found_again(string format)
    {
        string name = $"größe \U0001f4be 大.{format}";
        Make(format, name);
        CreateImage.Run(new CreateImageOptions { Path = _folder["child"], Format = format, BackingPath = name });
        Assert.Equal(Patterns.Random(1 << 20, 1), TestImage.ReadAll(_folder["child"], format));
    }

    private void AssertRefused(string format, string parent, string words)
    {
        Make(format, parent);
        DiskImageException error = Fails.With(ErrorKind.BackingFileRefused, words, () => CreateImage.Run(
            new CreateImageOptions { Path = _folder["child"], Format = format, BackingPath = parent, BackingFormat = format }));
        Assert.Contains("Rename the parent", error.Remedy!.Say(), StringComparison.Ordinal);
        Assert.False(File.Exists(_folder["child"]));
    }

    private void Make(string format, string name)
    {
        File.WriteAllBytes(_folder["disk.raw"], Patterns.Random(1 << 20, 1));
        ConvertImage.Run(new ConvertImageOptions { Path = _folder["disk.raw"], DestinationPath = _folder[name], Format = format });
    }
}
