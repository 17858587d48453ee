using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Text;

namespace Qed.Storage.Windows;

/// <summary>Asks Windows who has a file open.</summary>
internal static class RestartManager
{
    /// <summary>Bytes of an RM_PROCESS_INFO: identifier and start of the process, its name, that of its service, five numbers.</summary>
    internal const int ProcessSize = NameAt + (2 * (NameLength + ServiceLength)) + 16;

    internal const int NameAt = 12;
    internal const int NameLength = 256;

    private const int ServiceLength = 64;
    private const int MostAttempts = 4;

    internal static readonly IRestartManager System = new SystemCalls();

    /// <summary>The processes that have a file open, by their identifiers and names; none where the system does not tell.</summary>
    internal static IReadOnlyList<(int Id, string Name)> UsersOf(string path, IRestartManager calls)
    {
        if (calls.Start(out uint session) != WindowsError.None)
            return [];
        try
        {
            return calls.Register(session, path) == WindowsError.None ? List(session, calls) : [];
        }
        finally
        {
            calls.End(session);
        }
    }

    private static List<(int Id, string Name)> List(uint session, IRestartManager calls)
    {
        byte[] processes = [];
        int error = calls.List(session, processes, out int needed, out int count);
        // Between two questions more of them may come.
        for (int attempt = 0; error == WindowsError.MoreData && attempt < MostAttempts; attempt++)
        {
            processes = new byte[checked(needed * ProcessSize)];
            error = calls.List(session, processes, out needed, out count);
        }

        var users = new List<(int, string)>();
        for (int i = 0; error == WindowsError.None && i < count; i++)
        {
            ReadOnlySpan<byte> process = processes.AsSpan(i * ProcessSize, ProcessSize);
            string name = Encoding.Unicode.GetString(process.Slice(NameAt, 2 * NameLength).ToArray());
            int end = name.IndexOf('\0');
            users.Add((BinaryPrimitives.ReadInt32LittleEndian(process), end < 0 ? name : name.Substring(0, end)));
        }

        return users;
    }

    private sealed unsafe class SystemCalls : IRestartManager
    {
        private const int KeyLength = 33;
        private const string Library = "rstrtmgr";

        public int Start(out uint session)
        {
            session = 0;
            char* key = stackalloc char[KeyLength];
            try
            {
                return RmStartSession(out session, 0, key);
            }
            catch (DllNotFoundException)
            {
                // Not on every server that is cut down to little.
                return WindowsError.NotSupported;
            }
        }

        public int Register(uint session, string path) => RmRegisterResources(session, 1, [path], 0, IntPtr.Zero, 0, IntPtr.Zero);

        public int List(uint session, Span<byte> processes, out int needed, out int count)
        {
            uint room = (uint)(processes.Length / ProcessSize);
            fixed (byte* start = processes)
            {
                int error = RmGetList(session, out uint wanted, ref room, start, out _);
                needed = (int)wanted;
                count = (int)room;
                return error;
            }
        }

        public void End(uint session) => _ = RmEndSession(session);

        [DllImport(Library)]
        private static extern int RmStartSession(out uint session, int flags, char* key);

        [DllImport(Library, CharSet = CharSet.Unicode)]
        private static extern int RmRegisterResources(uint session, uint fileCount, string[] files, uint applicationCount, IntPtr applications, uint serviceCount, IntPtr services);

        [DllImport(Library)]
        private static extern int RmGetList(uint session, out uint needed, ref uint count, byte* processes, out uint reasons);

        [DllImport(Library)]
        private static extern int RmEndSession(uint session);
    }
}
