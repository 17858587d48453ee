using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using Qed.Tests.Support;
using Qed.Tool.CommandLine;
using Qed.Tool.Commands;
using Qed.Tool.Output;
using Xunit;

namespace Qed.Tests.Tool;

/// <summary>Advice in the command's words can be followed, and nothing else of a message is touched.</summary>
public sealed partial class RemedyWordsTests
{
    private const string OddName = "Win10-Formatted -Format --force -SourceFormat.vhdx";

    public static TheoryData<string> Commands { get; } = [.. CommandTree.All.Select(command => command.Name)];

    [Theory]
    [MemberData(nameof(Commands))]
    public void Advice_names_only_commands_and_options_that_there_are(string name)
    {
        ToolCommand running = CommandTree.Find(name);
        foreach (RemedyKind kind in Enum.GetValues<RemedyKind>())
        {
            string text = new Remedy(kind, "raw", "If so").Say(new RemedyWords(running).Of);
            Assert.DoesNotMatch(@"-Qed|(?<![\w-])-[A-Z][a-z]", text);
            ToolCommand named = running;
            foreach (Match word in CommandOrOption().Matches(text))
            {
                if (word.Groups["command"] is { Success: true } command)
                    named = CommandTree.Find(command.Value);
                else
                    Assert.True(OptionsOf(named).Contains(word.Groups["option"].Value), $"{kind}: {text}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public void A_path_passes_through_every_message_unchanged(string name)
    {
        ToolCommand running = CommandTree.Find(name);
        foreach (ErrorKind kind in Enum.GetValues<ErrorKind>())
        {
            foreach (RemedyKind remedy in Enum.GetValues<RemedyKind>())
            {
                var error = new DiskImageException(kind, $"'{OddName}' is at fault", OddName) { Remedy = new Remedy(remedy, "raw", "If so") };
                Assert.StartsWith($"'{OddName}': '{OddName}' is at fault. ", error.WithWords(new RemedyWords(running).Of).Message, StringComparison.Ordinal);
            }
        }
    }

    [Theory]
    [InlineData("info", 1)]
    [InlineData("check", 1)]
    [InlineData("map", 1)]
    [InlineData("measure -O qed", 1)]
    [InlineData("resize", 1, "1M")]
    [InlineData("rebase -u", 1)]
    [InlineData("compare", 2, "/dev/null")]
    [InlineData("convert -O qed", 1, "x.qed")]
    [InlineData("create -f qed -F vhdx -b", 1, "x.qed")]
    public void A_commands_error_names_the_file_as_the_user_did(string command, int exitCode, params string[] after)
    {
        using var folder = new TempFolder();
        string path = folder[OddName];
        using var output = new StringWriter();
        using var error = new StringWriter();
        IEnumerable<string> words = command.Split(' ').Append(path).Concat(after.Select(word => word == "x.qed" ? folder[word] : word));
        Assert.Equal(exitCode, Qed.Tool.QedCommand.Run(words.ToArray(), new Qed.Tool.ToolConsole(output, error, false), TestContext.Current.CancellationToken));
        Assert.Contains($"'{path}'", error.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("info {d}/fake.qed", "say so with -f raw.")]
    [InlineData("check {d}/fake.qed", "'qed convert -f raw' reads it so.")]
    [InlineData("compare {d}/a.raw {d}/fake.qed", "say so with -F raw.")]
    [InlineData("create -f qed {d}/x.qed 9223372036854774784", "The nearest size that works is 70368744177664.")]
    [InlineData("create -f qed {d}/x.qed 65T", "Choose a larger -o cluster_size or -o table_size.")]
    [InlineData("create -f qed -o cluster_size=64k,table_size=16 {d}/x.qed 2048T", "Choose a larger -o cluster_size.")]
    [InlineData("create -f qed -o cluster_size=64M,table_size=16 {d}/x.qed 9223372036854774784", "The nearest size that works is 9223372035781033984.")]
    [InlineData("convert -O raw --no-overwrite {d}/a.raw {d}/fake.qed", "Choose another name, or leave out --no-overwrite.")]
    public void The_remedy_fits_what_was_asked_for(string line, string advice)
    {
        using var folder = new TempFolder();
        File.WriteAllBytes(folder["fake.qed"], new byte[1024]);
        File.WriteAllBytes(folder["a.raw"], new byte[1024]);
        string error = Invocation.Ours(line, folder.Path).Error.Trim();
        Assert.EndsWith(advice, error, StringComparison.Ordinal);
    }

    private static HashSet<string> OptionsOf(ToolCommand command)
        => CommonOptions.AllOf(command).Where(option => option.Refusal is null)
            .SelectMany(option => new[] { "-" + option.Letter, "--" + option.LongName }).ToHashSet();

    [GeneratedRegex(@"'qed (?<command>[a-z]+)|(?<![\w-])(?<option>--?[A-Za-z][a-z-]*)")]
    private static partial Regex CommandOrOption();
}
