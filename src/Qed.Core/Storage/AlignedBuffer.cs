using System;
using System.Runtime.InteropServices;

namespace Qed.Storage;

/// <summary>Memory outside the garbage collector's heap that starts on a page, so that it can be written past the page cache.</summary>
internal sealed unsafe class AlignedBuffer : IDisposable
{
    /// <summary>What memory, offsets and lengths of uncached I/O are aligned to: enough for every disk in use.</summary>
    internal const int Alignment = 4096;

    private IntPtr _memory;
    private byte* _start;
    private int _length;

    ~AlignedBuffer() => Marshal.FreeHGlobal(_memory);

    /// <summary>The first bytes of the buffer, which grows, and loses its contents, where they are more than it has.</summary>
    internal Span<byte> Take(int length)
    {
        if (length > _length)
        {
            Marshal.FreeHGlobal(_memory);
            _memory = IntPtr.Zero;
            _length = 0;
            _memory = Marshal.AllocHGlobal(checked(length + Alignment));
            _start = (byte*)(((ulong)_memory + Alignment - 1) & ~(ulong)(Alignment - 1));
            _length = length;
        }

        return new Span<byte>(_start, length);
    }

    public void Dispose()
    {
        Marshal.FreeHGlobal(_memory);
        _memory = IntPtr.Zero;
        _length = 0;
        GC.SuppressFinalize(this);
    }
}
