using System;
using System.Collections.Generic;
using Qed.Tests.Fuzzing.Anatomy;

namespace Qed.Tests.Fuzzing;

/// <summary>A copy of a file that is changed here and there, and put right again.</summary>
/// <param name="original">What it holds when it is right.</param>
internal sealed class BorrowedFile(byte[] original)
{
    private const int Room = 4096;

    private readonly List<(int Offset, int Length)> _changed = [];

    /// <summary>The file, and room behind it.</summary>
    internal byte[] Bytes { get; private set; } = [.. original, .. new byte[Room]];

    internal int Length { get; private set; } = original.Length;

    internal ReadOnlySpan<byte> Contents => Bytes.AsSpan(0, Length);

    internal Span<byte> Change(int offset, int length)
    {
        _changed.Add((offset, length));
        return Bytes.AsSpan(0, Length).Slice(offset, length);
    }

    internal void SetLength(int length)
    {
        int old = Length;
        if (length > Bytes.Length)
            Bytes = [.. Bytes, .. new byte[length - Bytes.Length + Room]];
        Length = length;
        if (length > old)
            Change(old, length - old).Clear();
    }

    internal void Seal(FormatAnatomy anatomy) => anatomy.Seal(Bytes.AsSpan(0, Length), _changed);

    internal void PutRight()
    {
        foreach ((int offset, int length) in _changed)
        {
            // What lies behind the end is cleared by whoever makes the file longer.
            int within = Math.Min(original.Length - offset, length);
            if (within > 0)
                original.AsSpan(offset, within).CopyTo(Bytes.AsSpan(offset));
        }

        _changed.Clear();
        Length = original.Length;
    }
}
