using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Xunit;

namespace Qed.Tests.Architecture;

/// <summary>Imports run one way only: what lies lower does not know what lies higher.</summary>
public sealed class LayeringTests
{
    /// <summary>What each layer of the engine may use besides itself. Files of the root (errors, log, progress) are everybody's.</summary>
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Units"] = [],
        ["Bits"] = [],
        ["Storage"] = ["Bits"],
        ["Targets"] = ["Storage"],
        ["Images"] = ["Storage", "Units"],
        ["Layout"] = ["Storage", "Units"],
        ["Tables"] = ["Layout", "Storage", "Units"],
        ["Space"] = ["Tables", "Layout", "Storage", "Units"],
        ["Engine"] = ["Images", "Space", "Tables", "Layout", "Storage", "Bits", "Units"],
        ["Formats"] = ["Engine", "Images", "Layout", "Targets", "Storage", "Bits", "Units"],
        ["Chains"] = ["Formats", "Images", "Storage"],
        ["Compaction"] = ["Tables", "Layout", "Storage", "Bits", "Units"],
        ["Checking"] = ["Compaction", "Tables", "Layout", "Storage", "Bits", "Units"],
        ["Transfer"] = ["Engine", "Images", "Storage", "Bits", "Units"],
        ["Operations"] = ["Chains", "Checking", "Compaction", "Transfer", "Formats", "Engine", "Images", "Layout", "Targets", "Storage", "Units"],
        [Root] = [],
        // Front ends decide nothing: what they need below, an operation says in its result.
        ["Qed.PowerShell"] = ["Operations", "Qed.Server"],
        ["Qed.Tool"] = ["Operations", "Qed.Server"],
        // An image as a device: between the engine and those who start it.
        ["Qed.Server"] = ["Operations", "Images", "Storage"],
    };

    private const string Root = "";

    // A using directive, or a name written out in code, whole or from inside the common namespace; the namespace that the
    // file itself declares does not count. Storage and Layout are names of properties too, and lie below nearly all.
    private static readonly Regex Mention = new(
        @"(?<!namespace )\bQed\.(?<layer>[A-Z]\w+)|(?<![\w.])(?<layer>Images|Engine|Formats|Chains|Compaction|Checking|Transfer|Operations)\.[A-Z]",
        RegexOptions.Compiled);

    // The common namespace's own name is that of a format as well, which can then only be meant in full.
    private static readonly Regex FormatMention = new(
        @"(?<!namespace Qed\.)\bFormats\.(?<format>[A-Z]\w+)|(?<![\w.])(?!Qed\.)(?<format>[A-Z]\w+)\.[A-Z]", RegexOptions.Compiled);

    [Fact]
    public void No_file_uses_a_layer_above_its_own()
    {
        var violations = new List<string>();
        foreach ((string file, string layer, string code) in Files())
        {
            foreach (string used in LayersIn(code).Where(used => used != layer && !Allowed[layer].Contains(used)))
                violations.Add($"{file} uses Qed.{used}, which {(layer == Root ? "a file of the root" : layer)} must not");
        }

        Assert.True(violations.Count == 0, string.Join(Environment.NewLine, violations));
    }

    [Fact]
    public void No_layer_may_use_more_than_it_does()
    {
        IEnumerable<(string Layer, string Used)> used = Files().SelectMany(file => LayersIn(file.Code).Select(layer => (file.Layer, layer)));
        Assert.Equal([], Allowed.SelectMany(layer => layer.Value.Select(used => (layer.Key, used))).Except(used));
    }

    /// <summary>Code that two formats share lies beside their folders, and whoever wants a format asks the registry for it.</summary>
    [Fact]
    public void A_format_is_known_to_no_other_one_and_to_the_registry_alone()
    {
        (string File, string Layer, string Code)[] files = Files().Where(file => file.File != "Formats/FormatRegistry.cs").ToArray();
        string[] formats = files.Select(file => FormatOf(file.File)).Where(format => format.Length > 0).Distinct().ToArray();
        Assert.True(formats.Length >= 7);
        Assert.Equal([], files.SelectMany(file => FormatsIn(file.Code).Where(format => formats.Contains(format) && format != FormatOf(file.File)).Select(format => $"{file.File} names {format}")));
    }

    /// <summary>All others read and write whatever has bytes.</summary>
    [Fact]
    public void Of_the_formats_only_what_opens_further_files_knows_that_there_are_files_of_the_host()
        => Assert.Equal(
            ["Formats/HostCompanions.cs"],
            Files().Where(file => file.Layer == "Formats" && CodeLines(file.Code).Any(line => Regex.IsMatch(line, @"\bHostFile\b"))).Select(file => file.File));

    [Fact]
    public void Every_folder_is_a_layer_of_the_table_and_gives_its_files_their_namespace()
    {
        var wrong = new List<string>();
        foreach ((string file, string layer, string code) in Files().Where(file => IsOfEngine(file.Layer)))
        {
            string expected = string.Join('.', file.Split('/')[..^1].Prepend("Qed"));
            if (!Allowed.ContainsKey(layer) || !Regex.IsMatch(code, $@"^namespace {Regex.Escape(expected)};", RegexOptions.Multiline))
                wrong.Add(file);
        }

        Assert.Empty(wrong);
    }

    [Fact]
    public void The_engine_knows_no_front_end()
        => Assert.DoesNotContain(Files().Where(file => IsOfEngine(file.Layer)), file => file.Code.Contains("System.Management.Automation", StringComparison.Ordinal)
            || Regex.IsMatch(file.Code, @"\bConsole\."));

    /// <summary>The runtime's own flush says nothing of an error, and its <c>RandomAccess</c> calls a file that is too large a bad argument.</summary>
    [Fact]
    public void The_engine_makes_the_systems_own_calls_on_its_files()
        => Assert.Equal([], Files().Where(file => IsOfEngine(file.Layer) && Regex.IsMatch(file.Code, @"\bRandomAccess\.|\bFlush\(true|\bFlushToDisk\b")).Select(file => file.File));

    [Theory]
    [InlineData("using Qed.Engine;", "Engine")]
    [InlineData("using static Qed.Engine.QedImage;", "Engine")]
    [InlineData("using Map = Qed.Engine.ClusterMap;", "Engine")]
    [InlineData("    Qed.Engine.QedImage image = null;", "Engine")]
    [InlineData("    global::Qed.Engine.QedImage image = null;", "Engine")]
    [InlineData("    Engine.QedImage image = null;", "Engine")]
    [InlineData("namespace Qed.Engine;", null)]
    [InlineData("    _owner.Engine.Start();", null)]
    [InlineData("// opened by Qed.Engine", null)]
    [InlineData("/// <see cref=\"Qed.Engine.QedImage\"/>", null)]
    public void A_mention_is_found_in_code_and_not_in_comments(string line, string? layer)
        => Assert.Equal(layer is null ? [] : [layer], LayersIn(line));

    /// <summary>The format whose folder a file lies in; empty for one that is nobody's own.</summary>
    private static string FormatOf(string file) => file.Split('/') is ["Formats", var format, _] ? format : string.Empty;

    [Theory]
    [InlineData("using Qed.Formats.Raw;", "Raw")]
    [InlineData("    Formats.Vhd.VhdFooter footer = null;", "Vhd")]
    [InlineData("    Raw.RawImage image = null;", "Raw")]
    [InlineData("namespace Qed.Formats.Vmdk;", null)]
    [InlineData("// as Formats.Raw has it", null)]
    [InlineData("    options.Raw.Length", null)]
    public void A_mention_of_a_format_is_found_in_code_and_not_in_comments(string line, string? format)
        => Assert.Equal(format is null ? [] : [format], FormatsIn(line));

    private static IEnumerable<string> CodeLines(string code)
        => code.Split('\n').Where(line => !line.TrimStart().StartsWith("//", StringComparison.Ordinal));

    private static IEnumerable<string> FormatsIn(string code)
        => CodeLines(code).SelectMany(line => FormatMention.Matches(line)).Select(match => match.Groups["format"].Value).Distinct();

    private static IEnumerable<string> LayersIn(string code)
        => CodeLines(code)
            .SelectMany(line => Mention.Matches(line))
            .Select(match => match.Groups["layer"].Value)
            .Select(name => Allowed.ContainsKey("Qed." + name) ? "Qed." + name : name)
            .Where(name => name != Root && Allowed.ContainsKey(name))
            .Distinct();

    private static bool IsOfEngine(string layer) => !layer.Contains('.');

    private static IEnumerable<(string File, string Layer, string Code)> Files()
        => FilesOf("Qed.Core").Select(file => file with { Layer = file.File.Contains('/') ? file.File[..file.File.IndexOf('/')] : Root })
            .Concat(FilesOf("Qed.Server")).Concat(FilesOf("Qed.PowerShell")).Concat(FilesOf("Qed.Tool"));

    private static IEnumerable<(string File, string Layer, string Code)> FilesOf(string project)
    {
        string folder = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(ThisFile())!, "..", "..", "..", "src", project));
        Assert.SkipUnless(Directory.Exists(folder), "the sources are not where the tests were built");
        string[] files = Directory.GetFiles(folder, "*.cs", SearchOption.AllDirectories);
        Assert.True(files.Length > 30);
        foreach (string path in files)
        {
            string file = Path.GetRelativePath(folder, path).Replace('\\', '/');
            if (!file.StartsWith("obj/", StringComparison.Ordinal) && !file.StartsWith("bin/", StringComparison.Ordinal))
                yield return (file, project, File.ReadAllText(path));
        }
    }

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
