using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using Qed.Operations;
using Qed.Tests.Pester;
using Qed.Tests.Support;
using Qed.Tool.CommandLine;
using Xunit;

namespace Qed.Tests.Tool;

/// <summary>Help, manual page and completions, all made from the command tree.</summary>
public sealed partial class HelpTests
{
    private static string[] Commands => CommandLine().Matches(Ok("--help")).Select(match => match.Groups[1].Value).ToArray();

    [Fact]
    public void Every_format_has_its_list_of_options_and_no_other_has()
        => Assert.Equal(FormatInfo.All.Select(format => format.Name).Order(), CreationOptions.Formats.Order());

    [Fact]
    public void The_overview_names_every_command_and_format()
    {
        Assert.Contains("convert", Commands);
        foreach (FormatInfo format in FormatInfo.All)
            Assert.Contains(format.Name, Ok("--help"), StringComparison.Ordinal);
    }

    [Fact]
    public void The_manual_page_tells_every_option_of_every_command()
    {
        string page = Ok("man").Replace("\\-", "-", StringComparison.Ordinal);
        foreach (string command in Commands)
        {
            Assert.Contains($".SS {command} [options]", page, StringComparison.Ordinal);
            string taken = Ok(command + " --help").Split("Options of qemu-img that are refused:")[0];
            foreach (Match option in LongOption().Matches(taken))
                Assert.Contains(option.Value, page + " --help --verbose", StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_manual_page_is_clean_roff()
    {
        Assert.SkipUnless(OnPath("groff"), "groff is not installed");
        using var folder = new TempFolder();
        File.WriteAllText(folder["qed.1"], Ok("man"));
        Qemu.Result result = Qemu.Run("groff", "-man", "-ww", "-Tutf8", folder["qed.1"]);
        Assert.Equal((0, string.Empty), (result.ExitCode, result.Error.Trim()));
    }

    [Theory]
    [InlineData("qed con", "convert")]
    [InlineData("qed create -f q", "qed qcow2")]
    [InlineData("qed info --output = j", "json")]
    [InlineData("qed check --dr", "--dry-run")]
    [InlineData("qed completions z", "zsh")]
    public void Bash_completes_commands_options_and_values(string line, string expected)
    {
        Assert.SkipUnless(OnPath("bash"), "bash is not installed");
        using var folder = new TempFolder();
        string[] words = line.Split(' ');
        File.WriteAllText(folder["try"], $"{Ok("completions bash")}\nCOMP_WORDS=({string.Join(' ', words)})\nCOMP_CWORD={words.Length - 1}\n_qed\necho \"${{COMPREPLY[@]}}\"\n");
        Qemu.Result result = Qemu.Run("bash", folder["try"]);
        Assert.Equal((expected, string.Empty), (result.Output.Trim(), result.Error.Trim()));
    }

    /// <summary>All in one process, which takes seconds to start.</summary>
    [Fact]
    public void PowerShell_completes_commands_options_and_values()
    {
        (string Line, string Expected)[] cases =
        [
            ("qed con", "convert"),
            ("qed create -f q", "qed,qcow2"),
            ("qed check --dr", "--dry-run"),
            ("qed completions z", "zsh"),
        ];
        if (PowerShellHost.Pinned is not { } host)
        {
            Assert.Skip(PowerShellHost.WhyMissing!);
            return;
        }

        using var folder = new TempFolder();
        IEnumerable<string> tries = cases.Select(each =>
            $"([System.Management.Automation.CommandCompletion]::CompleteInput('{each.Line}', {each.Line.Length}, $null).CompletionMatches | ForEach-Object CompletionText) -join ','");
        File.WriteAllText(folder["try.ps1"], $"{Ok("completions pwsh")}\n{string.Join('\n', tries)}");
        PowerShellHost.Result result = host.Run(new Dictionary<string, string>(), "-NoProfile", "-NonInteractive", "-File", folder["try.ps1"]);
        Assert.Equal(string.Empty, result.Error.Trim());
        string[] completed = [.. result.Output.Trim().Split('\n').Select(line => line.Trim())];
        Assert.Equal(cases.Select(each => $"{each.Line}: {each.Expected}"), cases.Zip(completed, (each, seen) => $"{each.Line}: {seen}"));
    }

    [Theory]
    [InlineData("zsh")]
    [InlineData("fish")]
    public void Other_shells_take_their_completions(string shell)
    {
        Assert.SkipUnless(OnPath(shell), shell + " is not installed");
        using var folder = new TempFolder();
        File.WriteAllText(folder["try"], Ok("completions " + shell));
        Qemu.Result result = Qemu.Run(shell, "-n", folder["try"]);
        Assert.Equal((0, string.Empty), (result.ExitCode, result.Error.Trim()));
    }

    [Theory]
    [InlineData("create -f qed -o help")]
    [InlineData("create -f qed -o ?")]
    [InlineData("create -f qed -o cluster_size=4k,help")]
    [InlineData("convert -O qed -o help")]
    public void Options_of_a_format_are_listed_as_qemu_img_lists_them(string line)
    {
        Qemu.Require();
        string[] theirs = Options(Invocation.Theirs(line, string.Empty).Output);
        string[] ours = Options(Ok(line));
        Assert.NotEmpty(theirs);
        Assert.Subset(ours.ToHashSet(), theirs.ToHashSet());
    }

    private static string Ok(string line)
    {
        Qemu.Result result = Invocation.Ours(line, string.Empty);
        Assert.Equal((0, string.Empty), (result.ExitCode, result.Error));
        return result.Output;
    }

    private static string[] Options(string help)
        => help.Split('\n').Where(line => line.StartsWith("  ", StringComparison.Ordinal) && !line.Contains("extent_size_hint", StringComparison.Ordinal))
            .Select(line => line.Trim().Split(['=', ' '])[0]).ToArray();

    private static bool OnPath(string program)
        => (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, program)));

    [GeneratedRegex(@"^  ([a-z]+) +[A-Z]", RegexOptions.Multiline)]
    private static partial Regex CommandLine();

    [GeneratedRegex("(?<=  )--[a-z-]+")]
    private static partial Regex LongOption();
}
