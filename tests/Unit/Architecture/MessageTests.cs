using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Xunit;

namespace Qed.Tests.Architecture;

/// <summary>What the engine says fits every front end: it knows no cmdlet, no parameter and no option of any of them.</summary>
public sealed class MessageTests
{
    private static readonly Regex Literal = new("\"(?:[^\"\\\\\\n]|\\\\.)*\"", RegexOptions.Compiled);

    // A cmdlet, a parameter, a long option, this project's own command.
    private static readonly Regex Foreign = new(@"\b[A-Z][a-z]+-Qed|(?<![\w-])-[A-Z][a-z]|(?<![\w-])--[a-z]|\bcmdlet|'qed ", RegexOptions.Compiled);

    [Fact]
    public void No_text_of_the_engine_names_a_cmdlet_or_an_option()
    {
        string engine = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(ThisFile())!, "..", "..", "..", "src", "Qed.Core"));
        Assert.SkipUnless(Directory.Exists(engine), "the sources are not where the tests were built");
        string[] literals = Directory.EnumerateFiles(engine, "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
            .SelectMany(file => LiteralsOf(File.ReadAllText(file)).Select(text => $"{Path.GetFileName(file)}: {text}"))
            .ToArray();
        Assert.True(literals.Length > 500);
        Assert.DoesNotContain(literals, Foreign.IsMatch);
    }

    [Theory]
    [InlineData("Run Test-QedImage.", true)]
    [InlineData("overwrite it with -Force", true)]
    [InlineData("-AllowShrink allows it", true)]
    [InlineData("give --shrink", true)]
    [InlineData("'qed check' lists it", true)]
    [InlineData("'qemu-img convert -O qcow2' makes a qcow2 image of it", false)]
    [InlineData("stream-optimized, from -1 to 5", false)]
    public void Words_of_a_front_end_are_recognised(string text, bool isForeign) => Assert.Equal(isForeign, Foreign.IsMatch(text));

    [Fact]
    public void Every_remedy_has_neutral_words()
    {
        foreach (RemedyKind kind in Enum.GetValues<RemedyKind>())
        {
            string text = new Remedy(kind, "Subject", "Value").Say();
            Assert.Matches("^[A-Z][^{}]+", text);
            Assert.True(kind == RemedyKind.Advice ? text == "Subject" : text.EndsWith('.'), $"{kind}: {text}");
        }
    }

    [Fact]
    public void A_front_end_words_the_remedies_that_it_knows_and_leaves_the_rest_of_the_message_alone()
    {
        const string Path = "/d/Win10-Formatted -Format --force -SourceFormat.vhdx";
        var error = new DiskImageException(ErrorKind.InvalidSize, "too large", Path)
        {
            Remedy = Remedy.TakeNearest("size", 512) with { Next = new(RemedyKind.ListDamage) },
        };
        Assert.Equal($"'{Path}': too large. The nearest size that works is 512. A check lists all that is wrong with the image.", error.Message);
        DiskImageException worded = error.WithWords(remedy => remedy.Kind == RemedyKind.ListDamage ? "Look closer." : null);
        Assert.Equal($"'{Path}': too large. The nearest size that works is 512. Look closer.", worded.Message);
        Assert.Equal((error.Kind, error.Path, error.Remedy), (worded.Kind, worded.Path, worded.Remedy));
    }

    private static IEnumerable<string> LiteralsOf(string code)
        => code.Split('\n')
            .Where(line => !line.TrimStart().StartsWith("//", StringComparison.Ordinal))
            .SelectMany(line => Literal.Matches(line))
            .Select(match => match.Value);

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
