using Qed.Tool.CommandLine;

namespace Qed.Tool.Output;

/// <summary>
/// The engine's errors in the words of qemu-img where scripts look for them: what could not be opened, and chains that lead
/// back to themselves. All others stand as they are.
/// </summary>
/// <param name="Message">The error.</param>
/// <param name="Continuation">What follows on a line of its own, without the program's name before it; null for nothing.</param>
internal sealed record ErrorWords(string Message, string? Continuation = null)
{
    private const string NotThere = "No such file or directory";

    private static readonly string[] NotThereHere = ["no such file.", "no such folder."];

    /// <summary>The words for an error of a sub-command.</summary>
    internal static ErrorWords Of(DiskImageException error, ToolCommand command)
    {
        string message = error.WithWords(new RemedyWords(command).Of).Message;
        // The engine's message starts with the path, if it knows one.
        string rest = error.Path is { } path ? message[(path.Length + "'': ".Length)..] : message;
        return error switch
        {
            { Kind: ErrorKind.BackingFileMissing, InnerException: DiskImageException { Path: { } missing } } when command.Name == "create"
                => new ErrorWords($"{error.Path}: Could not open '{missing}': {NotThere}", "Could not open backing image."),
            { Kind: ErrorKind.BackingFileMissing, InnerException: DiskImageException { Path: { } missing } }
                => new ErrorWords($"Could not open '{error.Path}': Could not open backing file: Could not open '{missing}': {NotThere}; {rest}"),
            { Kind: ErrorKind.ImageNotFound or ErrorKind.ImageNotRecognized or ErrorKind.ImageInUse, Path: not null }
                => new ErrorWords($"Could not open '{error.Path}': {InTheSystemsWords(rest)}"),
            { Kind: ErrorKind.BackingChainLoop } => new ErrorWords("The backing file creates an infinite loop: " + message),
            _ => new ErrorWords(message),
        };
    }

    private static string InTheSystemsWords(string message)
    {
        foreach (string here in NotThereHere)
        {
            if (message.StartsWith(here, System.StringComparison.Ordinal))
                return $"{NotThere}.{message[here.Length..]}";
        }

        return message;
    }
}
