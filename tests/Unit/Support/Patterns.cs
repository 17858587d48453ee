using System;

namespace Qed.Tests.Support;

/// <summary>Bytes that tell where they came from.</summary>
internal static class Patterns
{
    internal static byte[] Random(int length, int seed)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    internal static byte[] Filled(int length, byte value)
    {
        byte[] bytes = new byte[length];
        Array.Fill(bytes, value);
        return bytes;
    }
}
