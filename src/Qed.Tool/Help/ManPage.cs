using System;
using System.IO;
using System.Linq;
using Qed.Tool.CommandLine;
using Qed.Tool.Commands;

namespace Qed.Tool.Help;

/// <summary>The manual page, in roff, from the command tree.</summary>
internal static class ManPage
{
    internal static void Write(TextWriter output)
    {
        output.WriteLine($".TH QED 1 \"\" \"qed {HelpText.Version}\" \"User Commands\"");
        Section(output, "NAME");
        output.WriteLine("qed \\- work on disk images");
        Section(output, "SYNOPSIS");
        output.WriteLine(".B qed");
        output.WriteLine(".I command");
        output.WriteLine("[options] ...");
        Section(output, "DESCRIPTION");
        output.WriteLine("Creates, inspects, checks, repairs, converts, resizes and re\\-parents disk images, with the commands, options, output and exit codes of");
        output.WriteLine(".BR qemu\\-img (1).");
        output.WriteLine(Escape($"Supported formats: {HelpText.Formats}."));
        Section(output, "COMMANDS");
        foreach (ToolCommand command in CommandTree.All)
            WriteCommand(command, output);
        Section(output, "EXIT STATUS");
        output.WriteLine("0 where all went well, 1 where it did not; check and compare have more, see there. 130 after Ctrl+C.");
        Section(output, "SEE ALSO");
        output.WriteLine(".BR qemu\\-img (1)");
    }

    private static void WriteCommand(ToolCommand command, TextWriter output)
    {
        output.WriteLine($".SS {Escape($"{command.Name} [options] {command.Operands}".TrimEnd())}");
        output.WriteLine(Escape(command.Summary));
        if (command.Remarks is { } remarks)
        {
            output.WriteLine(".PP");
            output.WriteLine(Escape(remarks));
        }

        foreach (CommandOption option in command.Options.Where(option => option.Refusal is null))
        {
            output.WriteLine(".TP");
            output.WriteLine($"\\fB{Escape(HelpText.SpellingsOf(option).Trim())}\\fR");
            output.WriteLine(Escape(option.Description));
        }
    }

    private static void Section(TextWriter output, string title) => output.WriteLine($".SH {title}");

    /// <summary>Text that roff takes as it stands: backslashes, hyphens that are minus signs, and no control line.</summary>
    private static string Escape(string text)
    {
        string escaped = text.Replace("\\", "\\e", StringComparison.Ordinal).Replace("-", "\\-", StringComparison.Ordinal);
        return escaped[0] is '.' or '\'' ? "\\&" + escaped : escaped;
    }
}
