using System;
using System.IO;
using Qed.Storage.Windows;

namespace Qed.Tests.Storage.Windows;

/// <summary>Windows' calls as they are documented, on files of this system, with errors as the test wants them.</summary>
internal sealed class ScriptedNames : IWindowsNames
{
    private int _error;
    private Func<bool> _fails = () => false;
    private string? _removed;

    internal int Calls { get; private set; }

    internal void Fail(int error, Func<bool> fails, string? remove = null) => (_error, _fails, _removed) = (error, fails, remove);

    public int Move(string from, string to, bool replace)
    {
        Calls++;
        if (_fails())
            return Fail();
        if (!replace && File.Exists(to))
            return WindowsError.AlreadyExists;
        File.Delete(to);
        File.Move(from, to);
        return WindowsError.None;
    }

    public int Delete(string path)
    {
        if (_fails())
            return Fail();
        File.Delete(path);
        return WindowsError.None;
    }

    public uint? AttributesOf(string path) => File.Exists(path) ? 0 : null;

    private int Fail()
    {
        if (_removed is not null)
            File.Delete(_removed);
        return _error;
    }
}
