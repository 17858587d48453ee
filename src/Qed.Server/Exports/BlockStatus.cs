using System;
using System.Buffers.Binary;
using System.Collections.Generic;

namespace Qed.Server.Exports;

/// <summary>The extents of a range as one metadata context tells them, neighbours that are alike made one.</summary>
/// <param name="context">What is told of each.</param>
/// <param name="maximum">How many are told at most.</param>
internal sealed class BlockStatus(MetadataContext context, int maximum)
{
    private const int DescriptorSize = 8;

    private readonly List<(uint Length, uint Flags)> _descriptors = [];

    /// <summary>The most extents that one reply tells; the client asks again for what is behind them.</summary>
    internal const int MostExtents = 4096;

    /// <summary>Bytes of a reply with all of them.</summary>
    internal const int MaximumBytes = MostExtents * DescriptorSize;

    internal MetadataContext Context => context;

    /// <summary>Adds what follows.</summary>
    /// <returns>False where that would be one too many, which is not added.</returns>
    internal bool TryAdd(MappedExtent extent)
    {
        uint flags = context.FlagsOf(extent);
        if (_descriptors.Count > 0 && _descriptors[_descriptors.Count - 1] is var last && last.Flags == flags)
        {
            _descriptors[_descriptors.Count - 1] = (last.Length + (uint)extent.Length, flags);
            return true;
        }

        if (_descriptors.Count == maximum)
            return false;
        _descriptors.Add(((uint)extent.Length, flags));
        return true;
    }

    /// <summary>The descriptors as they are sent.</summary>
    internal byte[] ToBytes()
    {
        byte[] bytes = new byte[_descriptors.Count * DescriptorSize];
        for (int i = 0; i < _descriptors.Count; i++)
        {
            BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(i * DescriptorSize), _descriptors[i].Length);
            BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan((i * DescriptorSize) + sizeof(uint)), _descriptors[i].Flags);
        }

        return bytes;
    }
}
