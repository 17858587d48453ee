using System;
#if !NET
using System.Runtime.InteropServices;
#endif

namespace Qed.Bits;

/// <summary>Finds out whether bytes are all zero, at memory speed.</summary>
internal static class ZeroScan
{
#if NET
    internal static bool IsZero(ReadOnlySpan<byte> bytes) => bytes.IndexOfAnyExcept((byte)0) < 0;
#else
    internal static bool IsZero(ReadOnlySpan<byte> bytes)
    {
        // .NET Framework has no vectorised search for "anything but": eight words at a time keep the loop short.
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(bytes);
        int i = 0;
        for (; i + 8 <= words.Length; i += 8)
        {
            ReadOnlySpan<ulong> w = words.Slice(i, 8);
            if ((w[0] | w[1] | w[2] | w[3] | w[4] | w[5] | w[6] | w[7]) != 0)
                return false;
        }

        foreach (byte rest in bytes.Slice(i * sizeof(ulong)))
        {
            if (rest != 0)
                return false;
        }

        return true;
    }
#endif
}
