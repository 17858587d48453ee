using System;
using System.IO;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;
using Qed.Tool;
using Qed.Tool.Output;

StandardStreams.Claim();

// Ctrl+C and its like stop the work between two chunks; whoever repeats them does not want to wait even for that.
using var stop = new CancellationTokenSource();
int signalNumber = 0;

void Cancel(PosixSignalContext context)
{
    context.Cancel = !stop.IsCancellationRequested;
    signalNumber = context.Signal switch
    {
        PosixSignal.SIGHUP => 1,
        PosixSignal.SIGTERM => 15,
        _ => 2,
    };
    stop.Cancel();
}

using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Cancel);
using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Cancel);
using PosixSignalRegistration hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Cancel);

// Not disposed of: that would flush once more what could not be written, with nobody there to catch the error.
var encoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
bool isTerminal = StandardStreams.IsOutputTerminal;
TextWriter output = WindowsConsole.TryOpen(1) as TextWriter ?? new StreamWriter(StandardStreams.OpenOutput(), encoding) { AutoFlush = isTerminal };
TextWriter error = WindowsConsole.TryOpen(2) as TextWriter ?? new StreamWriter(StandardStreams.OpenError(), encoding) { AutoFlush = true };
int exitCode;
try
{
    exitCode = QedCommand.Run(args, new ToolConsole(output, error, isTerminal), stop.Token);
    output.Flush();
}
catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
{
    // A full disk, or an output that is open for reading only; that a reader like head has gone away is no error to the runtime.
    ErrorText.Write(error, "standard output: " + (problem.InnerException ?? problem).Message);
    exitCode = ExitCode.Failure;
}

return exitCode == ExitCode.Interrupted && signalNumber != 0 ? ExitCode.Signal + signalNumber : exitCode;
