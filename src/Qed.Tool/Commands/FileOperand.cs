using System;
using Qed.Tool.CommandLine;

namespace Qed.Tool.Commands;

/// <summary>The names of images on the command line: paths, and nothing that goes through a protocol.</summary>
internal static class FileOperand
{
    private const string FileProtocol = "file:";

    /// <summary>The path that an operand stands for.</summary>
    internal static string PathOf(string operand)
    {
        bool isFile = operand.StartsWith(FileProtocol, StringComparison.Ordinal);
        string path = isFile ? operand[FileProtocol.Length..] : operand;
        if (path.Length == 0)
            throw new UsageException("The file name is empty", mayHelp: true);
        if (!isFile && StoredName.IsPseudoProtocol(path))
            throw new UsageException($"'{path}' names a protocol, and only files and devices are opened; a file of this name is './{path}'");
        return path;
    }

    /// <summary>A path as it can stand on a command line, where it must not be taken for a protocol.</summary>
    internal static string NameOf(string path) => StoredName.IsPseudoProtocol(path) ? "./" + path : path;

    /// <summary>The one image that a command takes.</summary>
    internal static string Single(ParsedArguments arguments) => arguments.Operands.Count == 1
        ? PathOf(arguments.Operands[0])
        : throw new UsageException("Expecting one image file name", mayHelp: true);
}
