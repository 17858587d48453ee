using System;
using System.Collections.Generic;
#if NET
using System.Runtime.InteropServices;
#endif

namespace Qed.PowerShell.Serving;

/// <summary>The servers of this process. None outlives the module, and however the process ends, their images are closed if there is time for it.</summary>
internal static class SessionServers
{
    private static readonly List<IRunningServer> Running = [];
#if NET
    private static readonly List<PosixSignalRegistration> Signals = [];
#endif

    /// <summary>Those that run.</summary>
    internal static IRunningServer[] All
    {
        get
        {
            lock (Running)
                return Running.ToArray();
        }
    }

    internal static void Add(IRunningServer server)
    {
        lock (Running)
        {
            if (Running.Count == 0)
                WatchForTheEnd();
            Running.Add(server);
        }
    }

    internal static void Remove(IRunningServer server)
    {
        lock (Running)
        {
            if (Running.Remove(server) && Running.Count == 0)
                LookAway();
        }
    }

    /// <summary>Stops all. What fails has nobody to be told to.</summary>
    internal static void StopAll()
    {
        foreach (IRunningServer server in All)
        {
            try
            {
                server.Stop();
            }
            catch (DiskImageException)
            {
                // The image's NEED_CHECK mark tells of it.
            }
        }
    }

    private static void WatchForTheEnd()
    {
        AppDomain.CurrentDomain.ProcessExit += OnProcessExit;
#if NET
        // Not every runtime makes a process exit of these. Nothing is kept from ending by them.
        Signals.Add(PosixSignalRegistration.Create(PosixSignal.SIGTERM, _ => StopAll()));
        Signals.Add(PosixSignalRegistration.Create(PosixSignal.SIGHUP, _ => StopAll()));
#endif
    }

    private static void LookAway()
    {
        AppDomain.CurrentDomain.ProcessExit -= OnProcessExit;
#if NET
        Signals.ForEach(signal => signal.Dispose());
        Signals.Clear();
#endif
    }

    private static void OnProcessExit(object? sender, EventArgs e) => StopAll();
}
