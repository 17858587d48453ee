using System;

namespace Qed.Storage.Windows;

/// <summary>Windows' Restart Manager, which installers ask who has a file open. Each call gives the system's error, zero for none.</summary>
internal interface IRestartManager
{
    int Start(out uint session);

    int Register(uint session, string path);

    /// <param name="session">The session.</param>
    /// <param name="processes">Receives an RM_PROCESS_INFO for each process.</param>
    /// <param name="needed">How many there are.</param>
    /// <param name="count">How many were filled in.</param>
    int List(uint session, Span<byte> processes, out int needed, out int count);

    void End(uint session);
}
