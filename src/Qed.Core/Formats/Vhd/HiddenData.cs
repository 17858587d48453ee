using System;
using System.Buffers;
using System.Threading;
using Microsoft.Extensions.Logging;
using Qed.Bits;
using Qed.Storage;

namespace Qed.Formats.Vhd;

/// <summary>
/// Says once that a dynamic disk has data in sectors that its bitmaps call unused. They are zeroes by the format, but some
/// programs never set the bits, and others never look at them.
/// </summary>
/// <param name="storage">The image's file.</param>
/// <param name="logger">Receives the warning.</param>
internal sealed class HiddenData(BlockStorage storage, ILogger logger)
{
    // Programs that leave bitmaps clear leave all of them clear: the start of each run is enough to tell.
    private const int MostBytes = 64 << 10;

    // All of them clear: a few runs tell, and tables that describe a million cost no more.
    private const int MostLooks = 16;

    private int _looks;
    private int _isTold;

    /// <summary>Looks at the start of a run of unused sectors.</summary>
    internal void LookAt(long host, long length)
    {
        if (Volatile.Read(ref _looks) >= MostLooks || Interlocked.Increment(ref _looks) > MostLooks)
            return;
        byte[] rented = ArrayPool<byte>.Shared.Rent(MostBytes);
        try
        {
            Span<byte> bytes = rented.AsSpan(0, (int)Math.Min(MostBytes, length));
            bytes = bytes.Slice(0, storage.Read(host, bytes));
            if (ZeroScan.IsZero(bytes))
                return;
            Volatile.Write(ref _looks, MostLooks);
            if (Interlocked.Exchange(ref _isTold, 1) == 0)
                Log.DataInUnusedSectors(logger, storage.Path);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }
}
