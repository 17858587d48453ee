using System;
using System.Diagnostics;
using System.IO;
using System.IO.Pipes;
using System.Text;
using System.Threading.Tasks;

namespace Qed.Tests.Pester;

/// <summary>
/// A PowerShell process that runs test files one after the other, against the package that users get, unpacked. A file alone takes
/// twice the time: the other half is PowerShell's warming up.
/// </summary>
public sealed class PesterProcess : IDisposable
{
    private readonly StringBuilder _said = new();
    private Process? _process;
    private NamedPipeServerStream? _pipe;
    private StreamReader? _answers;
    private StreamWriter? _names;

    /// <summary>Runs a file, in a process that is started where there is none.</summary>
    /// <param name="host">The PowerShell to run it in.</param>
    /// <param name="path">The file.</param>
    /// <param name="resultPath">Where its results go.</param>
    /// <returns>What the process wrote where it ended before the tests did; null where it goes on.</returns>
    internal string? Run(PowerShellHost host, string path, string resultPath)
    {
        if (_process is null)
            Start(host);
        try
        {
            if (_names is not null)
            {
                _names.WriteLine($"{path}|{resultPath}");
                if (_answers!.ReadLine() == path)
                    return null;
            }
        }
        catch (IOException)
        {
            // It has gone, which the pipe says in more than one way.
        }

        return End();
    }

    public void Dispose() => End();

    private void Start(PowerShellHost host)
    {
        string name = "qed-tests-" + Guid.NewGuid().ToString("N");
        _pipe = new NamedPipeServerStream(name, PipeDirection.InOut);
        _process = host.Start(
            PackedModule.Environment,
            "-NoProfile", "-NonInteractive", "-File", Path.Combine(Repository.PesterTests, "RunNamed.ps1"), "-PipeName", name, "-Pester", Repository.PesterFolder);
        _process.OutputDataReceived += Note;
        _process.ErrorDataReceived += Note;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        Task connected = _pipe.WaitForConnectionAsync();
        if (Task.WaitAny(connected, _process.WaitForExitAsync()) != 0)
            return;
        _answers = new StreamReader(_pipe, leaveOpen: true);
        _names = new StreamWriter(_pipe, leaveOpen: true) { AutoFlush = true };
    }

    /// <summary>Lets the process end, as it does when no more names come.</summary>
    private string End()
    {
        _pipe?.Dispose();
        _process?.WaitForExit();
        _process?.Dispose();
        (_process, _pipe, _answers, _names) = (null, null, null, null);
        lock (_said)
        {
            string said = _said.ToString();
            _said.Clear();
            return said;
        }
    }

    private void Note(object sender, DataReceivedEventArgs line)
    {
        lock (_said)
            _said.AppendLine(line.Data);
    }
}
