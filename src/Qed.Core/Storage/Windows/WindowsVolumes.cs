using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Qed.Storage.Windows;

/// <summary>The system itself.</summary>
internal sealed unsafe class WindowsVolumes : IWindowsVolumes
{
    internal static readonly WindowsVolumes System = new();

    private const int NameLength = 64;
    private const int PathsLength = 1 << 15;

    public IReadOnlyList<string> All()
    {
        var volumes = new List<string>();
        char[] name = new char[NameLength];
        IntPtr search = FindFirstVolume(name, name.Length);
        if (search == new IntPtr(-1))
            return volumes;
        do
            volumes.Add(new string(name, 0, Array.IndexOf(name, '\0')).TrimEnd('\\'));
        while (FindNextVolume(search, name, name.Length));
        FindVolumeClose(search);
        return volumes;
    }

    public IReadOnlyList<string> FoldersOf(string volume)
    {
        char[] paths = new char[PathsLength];
        return GetVolumePathNames(volume + @"\", paths, paths.Length, out int length)
            ? new string(paths, 0, length).Split(['\0'], StringSplitOptions.RemoveEmptyEntries)
            : [];
    }

    public IWindowsVolume? TryOpen(string volume)
    {
        try
        {
            return new OpenVolume(WindowsOpening.Open(volume, FileAccess.ReadWrite, FileShare.ReadWrite));
        }
        catch (IOException)
        {
            return null;
        }
    }

    [DllImport("kernel32", EntryPoint = "FindFirstVolumeW", CharSet = CharSet.Unicode, SetLastError = true)]
    private static extern IntPtr FindFirstVolume([Out] char[] name, int length);

    [DllImport("kernel32", EntryPoint = "FindNextVolumeW", CharSet = CharSet.Unicode, SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool FindNextVolume(IntPtr search, [Out] char[] name, int length);

    [DllImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool FindVolumeClose(IntPtr search);

    [DllImport("kernel32", EntryPoint = "GetVolumePathNamesForVolumeNameW", CharSet = CharSet.Unicode, SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool GetVolumePathNames(string volume, [Out] char[] paths, int length, out int needed);

    private sealed class OpenVolume(SafeFileHandle handle) : IWindowsVolume
    {
        private readonly WindowsHandle _calls = new(handle);

        public int Control(uint code, ReadOnlySpan<byte> input, Span<byte> output, out int returned) => _calls.Control(code, input, output, out returned);

        public int Query(int informationClass, Span<byte> information) => _calls.Query(informationClass, information);

        public int QueryBasics(Span<byte> information) => _calls.QueryBasics(information);

        public int Set(int informationClass, ReadOnlySpan<byte> information) => _calls.Set(informationClass, information);

        public string? FinalPath(uint kind) => _calls.FinalPath(kind);

        public void Dispose() => handle.Dispose();
    }
}
