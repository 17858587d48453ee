using System;
using ZstdSharp;
using ZstdSharp.Unsafe;

namespace Qed.Formats.Qcow2;

/// <summary>Zstandard data in one piece. The only place that needs the library, which is loaded at the first use.</summary>
internal static class Zstd
{
    // A context has some 150 KiB; each thread keeps its own.
    [ThreadStatic]
    private static Decompressor? _decompressor;

    /// <summary>Decompresses as many frames as fill a target exactly; what follows in the source is ignored.</summary>
    /// <returns>False where a frame is damaged, cut off or holds more than is wanted.</returns>
    internal static bool TryDecompress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        _decompressor ??= new Decompressor();
        while (!target.IsEmpty)
        {
            int length = FrameLength(source);
            if (length <= 0 || !TryDecompressFrame(source.Slice(0, length), target, out int written))
                return false;
            source = source.Slice(length);
            target = target.Slice(written);
        }

        return true;
    }

    private static bool TryDecompressFrame(ReadOnlySpan<byte> frame, Span<byte> target, out int written)
    {
        try
        {
            return _decompressor!.TryUnwrap(frame, target, out written);
        }
        catch (ZstdException)
        {
            written = 0;
            return false;
        }
    }

    /// <summary>Bytes of the first frame; zero where it is damaged or cut off.</summary>
    private static unsafe int FrameLength(ReadOnlySpan<byte> source)
    {
        fixed (byte* start = source)
        {
            nuint length = start is null ? 0 : Methods.ZSTD_findFrameCompressedSize(start, (nuint)source.Length);
            // Errors are numbers near the top of the range.
            return length <= (nuint)source.Length ? (int)length : 0;
        }
    }
}
