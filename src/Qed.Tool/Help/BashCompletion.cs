using System.IO;
using System.Linq;
using Qed.Tool.CommandLine;
using Qed.Tool.Commands;

namespace Qed.Tool.Help;

/// <summary>Completions for bash, from the command tree.</summary>
internal static class BashCompletion
{
    internal static void Write(TextWriter output)
    {
        output.Write($$"""
            # bash completion for qed: source <(qed completions bash)
            _qed() {
                local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
                # Bash takes --name=value apart at the equals sign.
                [[ $current == = ]] && current=
                [[ $previous == = ]] && previous=${COMP_WORDS[COMP_CWORD-2]}
                COMPREPLY=()
                if (( COMP_CWORD == 1 )); then
                    COMPREPLY=($(compgen -W '{{Words.OfCommands}} --help --version' -- "$current"))
                    return
                fi
                case ${COMP_WORDS[1]}:$previous in

            """);
        foreach (ToolCommand command in CommandTree.All)
        {
            foreach (CommandOption option in Words.OptionsOf(command).Where(option => option.Suggestions.Count > 0))
            {
                string cases = string.Join('|', Words.SpellingsOf(option).Select(spelling => $"{command.Name}:{spelling}"));
                output.WriteLine($"        {cases}) COMPREPLY=($(compgen -W '{string.Join(' ', option.Suggestions)}' -- \"$current\")); return;;");
            }
        }

        output.WriteLine("    esac");
        output.WriteLine("    case ${COMP_WORDS[1]} in");
        foreach (ToolCommand command in CommandTree.All)
            output.WriteLine($"        {command.Name}) local options='{string.Join(' ', Words.OptionsOf(command).SelectMany(Words.SpellingsOf))}' operands='{string.Join(' ', command.OperandChoices)}';;");
        output.Write("""
                esac
                if [[ $current == -* ]]; then
                    COMPREPLY=($(compgen -W "$options" -- "$current"))
                elif [[ -n $operands ]]; then
                    COMPREPLY=($(compgen -W "$operands" -- "$current"))
                else
                    compopt -o filenames
                    mapfile -t COMPREPLY < <(compgen -f -- "$current")
                fi
            }
            complete -F _qed qed

            """);
    }
}
