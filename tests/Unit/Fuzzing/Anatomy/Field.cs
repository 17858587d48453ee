using System;

namespace Qed.Tests.Fuzzing.Anatomy;

/// <summary>A number in a structure on disk.</summary>
/// <param name="File">The file that holds it.</param>
/// <param name="Name">What the specification calls it.</param>
/// <param name="Offset">Where it stands.</param>
/// <param name="Size">1, 2, 4 or 8 bytes.</param>
/// <param name="IsBigEndian">Which byte comes first.</param>
internal sealed record Field(string File, string Name, int Offset, int Size, bool IsBigEndian)
{
    internal ulong Read(ReadOnlySpan<byte> file)
    {
        ulong value = 0;
        for (int i = 0; i < Size; i++)
            value |= (ulong)file[Offset + i] << Shift(i);
        return value;
    }

    /// <summary>Writes it to where it stands.</summary>
    internal void Write(Span<byte> place, ulong value)
    {
        for (int i = 0; i < Size; i++)
            place[i] = (byte)(value >> Shift(i));
    }

    private int Shift(int index) => 8 * (IsBigEndian ? Size - 1 - index : index);
}
