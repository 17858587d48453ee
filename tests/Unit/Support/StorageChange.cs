using System;
using System.Globalization;
using System.Text;

namespace Qed.Tests.Support;

internal enum StorageChangeKind
{
    Write,
    Punch,
    SetLength,
    Flush,
}

/// <summary>A change to a storage.</summary>
/// <param name="Kind">What is done.</param>
/// <param name="Offset">Where, or the new length of the file.</param>
/// <param name="Length">Bytes that are written or punched.</param>
/// <param name="Bytes">What is written.</param>
internal sealed record StorageChange(StorageChangeKind Kind, long Offset, long Length, ReadOnlyMemory<byte> Bytes)
{
    /// <summary>A part of a write or a punch.</summary>
    internal StorageChange Part(long from, long length)
        => new(Kind, Offset + from, length, Kind == StorageChangeKind.Write ? Bytes.Slice((int)from, (int)length) : default);

    /// <summary>What of it lies before an offset.</summary>
    internal StorageChange Before(long end) => end >= Offset + Length ? this : Part(0, Math.Max(0, end - Offset));

    /// <summary>All of it in a line, runs of like bytes by their length.</summary>
    internal string Describe()
    {
        const int LeastRun = 16;
        var text = new StringBuilder(Kind.ToString());
        if (Kind != StorageChangeKind.Flush)
            text.Append(FormattableString.Invariant($" {Offset}+{Length}:"));
        ReadOnlySpan<byte> rest = Bytes.Span;
        bool isInRun = true;
        while (!rest.IsEmpty)
        {
            int like = rest.IndexOfAnyExcept(rest[0]) is >= 0 and var other ? other : rest.Length;
            bool isRun = like >= LeastRun;
            text.Append(isRun || isInRun ? " " : string.Empty);
            text.Append(isRun ? FormattableString.Invariant($"{like} x ") : string.Empty).Append(rest[0].ToString("x2", CultureInfo.InvariantCulture));
            isInRun = isRun;
            rest = rest[(isRun ? like : 1)..];
        }

        return text.ToString();
    }

    internal void ApplyTo(MemoryStorage storage)
    {
        switch (Kind)
        {
            case StorageChangeKind.Write:
                storage.Write(Offset, Bytes.Span);
                break;
            case StorageChangeKind.Punch:
                storage.TryPunch(Offset, Length);
                break;
            case StorageChangeKind.SetLength:
                storage.SetLength(Offset);
                break;
        }
    }
}
