using System;
using System.Buffers.Binary;
using Qed.Server.Protocol;

namespace Qed.Server.Connections;

/// <summary>The data of one option, taken apart from its start.</summary>
/// <param name="bytes">The data.</param>
internal ref struct OptionInput(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>Whether all of it was taken.</summary>
    internal readonly bool IsEmpty => _rest.IsEmpty;

    internal bool TryTake(out ushort value)
    {
        bool can = TryTake(sizeof(ushort), out ReadOnlySpan<byte> bytes);
        value = can ? BinaryPrimitives.ReadUInt16BigEndian(bytes) : default;
        return can;
    }

    internal bool TryTake(out uint value)
    {
        bool can = TryTake(sizeof(uint), out ReadOnlySpan<byte> bytes);
        value = can ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : default;
        return can;
    }

    /// <summary>Takes a text with its length in front.</summary>
    internal bool TryTakeText(out string text)
    {
        text = string.Empty;
        if (!TryTake(out uint length) || length > WireText.MaximumBytes || !TryTake((int)length, out ReadOnlySpan<byte> bytes))
            return false;
        string? read = WireText.TryRead(bytes);
        text = read ?? string.Empty;
        return read is not null;
    }

    private bool TryTake(int count, out ReadOnlySpan<byte> bytes)
    {
        bool can = count <= _rest.Length;
        bytes = can ? _rest.Slice(0, count) : default;
        if (can)
            _rest = _rest.Slice(count);
        return can;
    }
}
