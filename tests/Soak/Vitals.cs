using System;
using System.Diagnostics;
using System.IO;

namespace Qed.Tests.Soak;

/// <summary>What this process holds.</summary>
/// <param name="Managed">Bytes that are in use after everything was collected.</param>
/// <param name="Resident">Bytes of memory.</param>
/// <param name="Handles">Open files.</param>
/// <param name="Threads">Threads.</param>
internal readonly record struct Vitals(long Managed, long Resident, int Handles, int Threads)
{
    internal static Vitals Take()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        long managed = GC.GetTotalMemory(forceFullCollection: true);
        using Process self = Process.GetCurrentProcess();
        int handles = OperatingSystem.IsLinux() ? Directory.GetFiles("/proc/self/fd").Length : self.HandleCount;
        return new Vitals(managed, self.WorkingSet64, handles, self.Threads.Count);
    }

    public override string ToString() => $"{Managed >> 10} KiB managed, {Resident >> 20} MiB resident, {Handles} files, {Threads} threads";
}
