using System;
using Microsoft.Win32.SafeHandles;

namespace Qed.Storage.Windows;

/// <summary>What Windows does for a new file that is filled: it grows by large steps, and may share blocks with others.</summary>
internal sealed class WindowsNewFile : IDisposable
{
    private readonly WindowsCloning _cloning;

    internal WindowsNewFile(SafeFileHandle handle)
    {
        var file = new WindowsHandle(handle);
        Growth = new WindowsGrowth(file);
        _cloning = new WindowsCloning(file, Growth);
    }

    internal WindowsGrowth Growth { get; }

    /// <summary>As <see cref="IBlockCloning.TryClone"/>.</summary>
    internal bool TryClone(SafeFileHandle source, long from, long to, long length)
    {
        bool isHeld = false;
        try
        {
            source.DangerousAddRef(ref isHeld);
            return _cloning.TryClone(new WindowsHandle(source), source.DangerousGetHandle(), from, to, length);
        }
        finally
        {
            if (isHeld)
                source.DangerousRelease();
        }
    }

    public void Dispose() => Growth.Dispose();
}
