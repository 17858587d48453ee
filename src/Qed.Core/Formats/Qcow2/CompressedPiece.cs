using System;
using System.Collections.Generic;
using Qed.Images;
using Qed.Storage;
using Qed.Units;

namespace Qed.Formats.Qcow2;

/// <summary>
/// A run of guest clusters, each compressed if that makes it smaller. Compressed data fills the buffer from its start,
/// clusters that stay as they are from its end; with one cluster to spare the two cannot meet.
/// </summary>
internal sealed class CompressedPiece : EncodedPiece
{
    private readonly AlignedBuffer _buffer = new();
    private readonly int _capacity;

    private CompressedPiece(GuestOffset offset, int length, int capacity)
        : base(offset, length)
        => _capacity = capacity;

    /// <summary>The clusters in guest order.</summary>
    internal List<Cluster> Clusters { get; } = [];

    internal Span<byte> Buffer => _buffer.Take(_capacity);

    /// <summary>Compresses guest bytes.</summary>
    /// <returns>Null where nothing becomes smaller.</returns>
    internal static CompressedPiece? Encode(GuestOffset offset, ReadOnlySpan<byte> bytes, int clusterSize)
    {
        int count = (bytes.Length + clusterSize - 1) / clusterSize;
        var piece = new CompressedPiece(offset, bytes.Length, (count + 1) * clusterSize);
        bool isSmaller = false;
        int front = 0;
        int back = piece._capacity;
        // A few bytes less would not pay for the work of decompressing.
        int limit = clusterSize - (clusterSize / 32);
        for (int start = 0; start < bytes.Length; start += clusterSize)
        {
            ReadOnlySpan<byte> cluster = bytes.Slice(start, Math.Min(clusterSize, bytes.Length - start));
            Span<byte> plain = piece.Buffer.Slice(back - clusterSize, clusterSize);
            // Only in the disk's last cluster is anything left to clear. The copy is compressed from where it may stay.
            cluster.CopyTo(plain);
            plain.Slice(cluster.Length).Clear();
            int length = Deflate.CompressRaw(plain, piece.Buffer.Slice(front, limit));
            isSmaller |= length >= 0;
            if (length < 0)
                back -= clusterSize;
            piece.Clusters.Add(length < 0 ? new Cluster(back, clusterSize, false) : new Cluster(front, length, true));
            front += Math.Max(0, length);
        }

        if (isSmaller)
            return piece;
        piece.Dispose();
        return null;
    }

    public override void Dispose() => _buffer.Dispose();

    /// <summary>A cluster in the buffer.</summary>
    /// <param name="Start">Where its bytes start.</param>
    /// <param name="Length">How many they are.</param>
    /// <param name="IsCompressed">Whether they are compressed.</param>
    internal readonly record struct Cluster(int Start, int Length, bool IsCompressed)
    {
        /// <summary>Where they belong in the file; known once the piece has had its turn.</summary>
        internal long HostOffset { get; init; }
    }
}
