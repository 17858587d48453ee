using System;
using System.Buffers.Binary;
using System.Threading;

namespace Qed.Storage.Windows;

/// <summary>
/// Makes a new file longer, or takes disk space for it, beside others that write to it. Windows' calls for both cut the
/// file where it is longer already, so nobody writes meanwhile.
/// </summary>
/// <param name="file">The file.</param>
internal sealed class WindowsGrowth(IWindowsHandle file) : IDisposable
{
    private const long Step = 64 << 20;
    private const int EndAt = 8;

    private readonly ReaderWriterLockSlim _gate = new();
    private long _reserved;
    private bool _cannotReserve;

    /// <summary>Writes, with as many others as there are.</summary>
    /// <param name="write">The write.</param>
    /// <param name="offset">Where.</param>
    /// <param name="buffer">What.</param>
    internal void Write(WriteAt write, long offset, ReadOnlySpan<byte> buffer)
    {
        _gate.EnterReadLock();
        try
        {
            write(offset, buffer);
        }
        finally
        {
            _gate.ExitReadLock();
        }
    }

    /// <summary>Changes the length while nobody writes.</summary>
    internal void Alone(Action change)
    {
        _gate.EnterWriteLock();
        try
        {
            change();
        }
        finally
        {
            _gate.ExitWriteLock();
        }
    }

    /// <summary>
    /// Takes disk space up to an offset, in large steps, so that the file lies in few pieces; the system takes back what is
    /// behind its end when it is closed. A hint: what fails the writes find out. Not for sparse files, whose holes it would
    /// fill; and the length of what is valid is left alone, as what was there before would show.
    /// </summary>
    internal void Reserve(long end)
    {
        if (Volatile.Read(ref _cannotReserve) || end <= Volatile.Read(ref _reserved))
            return;
        Alone(() =>
        {
            if (end <= _reserved)
                return;
            long wanted = (end + Step - 1) / Step * Step;
            Span<byte> standard = stackalloc byte[24];
            bool isPlain = WindowsFile.AttributesOf(file) is { } attributes && (attributes & (WindowsFile.Sparse | WindowsFile.Compressed)) == 0;
            if (!isPlain || file.Query(WindowsControl.StandardInfo, standard) != WindowsError.None)
            {
                Volatile.Write(ref _cannotReserve, true);
                return;
            }

            long taken = BinaryPrimitives.ReadInt64LittleEndian(standard);
            long length = BinaryPrimitives.ReadInt64LittleEndian(standard.Slice(EndAt));
            // Less than the length would cut the file off.
            if (wanted > taken && wanted > length && file.Set(WindowsControl.AllocationInfo, BitConverter.GetBytes(wanted)) != WindowsError.None)
                Volatile.Write(ref _cannotReserve, true);
            Volatile.Write(ref _reserved, Math.Max(wanted, taken));
        });
    }

    /// <summary>Makes the file at least so long.</summary>
    /// <returns>False where the system does not let it be so.</returns>
    internal bool TryReach(long end)
    {
        bool isReached = false;
        Alone(() =>
        {
            Span<byte> standard = stackalloc byte[24];
            isReached = file.Query(WindowsControl.StandardInfo, standard) == WindowsError.None
                && (BinaryPrimitives.ReadInt64LittleEndian(standard.Slice(EndAt)) >= end
                    || file.Set(WindowsControl.EndOfFileInfo, BitConverter.GetBytes(end)) == WindowsError.None);
        });
        return isReached;
    }

    public void Dispose() => _gate.Dispose();

    /// <summary>Writes all bytes at an offset.</summary>
    internal delegate void WriteAt(long offset, ReadOnlySpan<byte> buffer);
}
