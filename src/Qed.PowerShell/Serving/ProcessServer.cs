using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;

namespace Qed.PowerShell.Serving;

/// <summary>A server that has a process of its own.</summary>
internal sealed class ProcessServer : IRunningServer
{
    // A view asks for one counter after the other, and is to show them as they were at one time.
    private static readonly TimeSpan Age = TimeSpan.FromMilliseconds(100);

    private readonly string _pipe;
    private readonly object _gate = new();
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private ServerState? _state;
    private TimeSpan _asked;
    private bool _isStopped;

    private ProcessServer(string pipe)
    {
        _pipe = pipe;
        Description = ControlPipe.Ask(pipe, ControlQuestion.Describe, ServerDescription.Read);
    }

    /// <inheritdoc/>
    public ServerDescription Description { get; }

    /// <inheritdoc/>
    public ServerState State
    {
        get
        {
            lock (_gate)
            {
                Refresh();
                return _state ?? new ServerState(default, null, []);
            }
        }
    }

    /// <inheritdoc/>
    public bool IsRunning
    {
        get
        {
            lock (_gate)
            {
                Refresh();
                return !_isStopped;
            }
        }
    }

    /// <summary>Those of this user, in this session and others.</summary>
    internal static IEnumerable<ProcessServer> All()
    {
        foreach ((int processId, string pipe) in ProcessFiles.All())
        {
            if (TryFind(processId, pipe) is { } server)
                yield return server;
        }
    }

    /// <summary>The server of a process.</summary>
    /// <exception cref="IOException">There is none.</exception>
    /// <exception cref="TimeoutException">It does not answer.</exception>
    internal static ProcessServer Of(int processId)
        => new(ProcessFiles.Read(processId) ?? throw new IOException("The process does not say how it is reached."));

    /// <inheritdoc/>
    public void Stop()
    {
        lock (_gate)
        {
            Refresh();
            if (_isStopped)
                return;
            string error = TryAsk(ControlQuestion.Stop, reader => reader.ReadString()) ?? string.Empty;
            _isStopped = true;
            WaitForExit();
            if (error.Length > 0)
                throw new DiskImageException(ErrorKind.ImageCorrupt, $"the server stopped, and said: {error}", Description.Exports[0].Path);
        }
    }

    /// <summary>The server of an entry of the list, which is deleted where there is none.</summary>
    private static ProcessServer? TryFind(int processId, string pipe)
    {
        try
        {
            var server = new ProcessServer(pipe);
            if (server.Description.ProcessId == processId)
                return server;
        }
        catch (TimeoutException)
        {
            // It may have the time later.
            return null;
        }
        catch (IOException)
        {
            // It ended a moment ago, or was killed and another process has its number now.
        }

        ProcessFiles.Delete(processId);
        return null;
    }

    private void Refresh()
    {
        if (_isStopped || (_state is not null && _clock.Elapsed - _asked < Age))
            return;
        try
        {
            ServerState? state = ProcessFiles.IsAlive(Description.ProcessId) ? TryAsk(ControlQuestion.State, ServerState.Read) : null;
            _isStopped = state is null;
            _state = state ?? _state;
        }
        catch (TimeoutException)
        {
            // Silence is not the end: what was known last holds.
        }

        _asked = _clock.Elapsed;
    }

    /// <summary>Null where nobody is there any more.</summary>
    private T? TryAsk<T>(ControlQuestion question, Func<BinaryReader, T> read)
        where T : class
    {
        try
        {
            return ControlPipe.Ask(_pipe, question, read);
        }
        catch (IOException)
        {
            return null;
        }
    }

    private void WaitForExit()
    {
        try
        {
            using var process = Process.GetProcessById(Description.ProcessId);
            process.WaitForExit((int)ControlPipe.Patience.TotalMilliseconds);
        }
        catch (ArgumentException)
        {
            // It has ended.
        }
    }
}
