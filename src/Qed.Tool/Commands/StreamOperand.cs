using System.IO;
using Qed.Operations;

namespace Qed.Tool.Commands;

/// <summary>Operands that name a stream instead of a file: <c>-</c> for standard input or output, and named pipes.</summary>
internal static class StreamOperand
{
    private const string Standard = "-";

    /// <summary>Whether an operand names a stream.</summary>
    internal static bool Is(string operand) => operand == Standard || NamedPipeStream.IsAt(FileOperand.PathOf(operand));

    /// <summary>Opens it for reading; a named pipe waits for whoever writes it, from the first read on.</summary>
    internal static Stream OpenInput(string operand, Session session)
        => operand == Standard ? session.OpenInput() : new NamedPipeStream(FileOperand.PathOf(operand), FileAccess.Read, session.Cancellation);

    /// <summary>Opens it for writing; a named pipe waits for whoever reads it, from the first write on.</summary>
    internal static Stream OpenOutput(string operand, Session session)
        => operand == Standard ? session.OpenOutput() : new NamedPipeStream(FileOperand.PathOf(operand), FileAccess.Write, session.Cancellation);

    /// <summary>What messages call it.</summary>
    internal static string NameOf(string operand, bool isInput)
        => operand != Standard ? FileOperand.PathOf(operand) : isInput ? "standard input" : "standard output";
}
