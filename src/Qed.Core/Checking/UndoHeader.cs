using System;
using System.Buffers.Binary;
using System.Text;
using Qed.Bits;
using Qed.Storage;

namespace Qed.Checking;

/// <summary>How far the repair is that an undo journal belongs to.</summary>
internal enum UndoPhase : uint
{
    /// <summary>The repair has begun and not ended.</summary>
    Repairing = 1,

    /// <summary>The repair has ended.</summary>
    Repaired = 2,

    /// <summary>Undoing it has begun and not ended.</summary>
    Undoing = 3,

    /// <summary>The same, of an image or from a journal that did not fit, because the user wished it.</summary>
    UndoingByForce = 4,
}

/// <summary>
/// The first 64 bytes of an undo journal, all numbers little-endian; see docs/undo-file.md. They lie in one sector, so a crash
/// leaves the old ones or the new ones.
/// </summary>
internal sealed record UndoHeader
{
    /// <summary>Bytes on disk; the last four are the CRC-32C of those before.</summary>
    internal const int Size = 64;

    private const int SignatureLength = 7;
    private const byte Version = (byte)'2';

    private static readonly byte[] Signature = Encoding.ASCII.GetBytes("QEDUNDO");

    /// <summary>At 8, 32 bits.</summary>
    internal required UndoPhase Phase { get; init; }

    /// <summary>At 12, 32 bits: the number that the image's header has while the journal fits it.</summary>
    internal required uint Id { get; init; }

    /// <summary>At 16, 64 bits: the image's length before the first change.</summary>
    internal required long OriginalLength { get; init; }

    /// <summary>At 24, 64 bits: up to here the journal is known to be on stable storage; a shorter one was cut off.</summary>
    internal long DurableEnd { get; init; }

    /// <summary>At 32, 64 bits: how many records there are up to there.</summary>
    internal long DurableRecords { get; init; }

    /// <summary>At 40, 64 bits: the image's length once the repair had ended.</summary>
    internal long FinalLength { get; init; }

    /// <summary>At 48, 32 bits: a checksum of what the image held then, see <see cref="UndoJournal"/>.</summary>
    internal uint FinalState { get; init; }

    /// <summary>Whether something has begun that has not ended.</summary>
    internal bool IsUnfinished => Phase != UndoPhase.Repaired;

    /// <summary>Whether an image has the journal's mark.</summary>
    internal bool Fits(BlockStorage image) => MarkedHeader.Read(image)?.Id == Id;

    internal void Write(Span<byte> target)
    {
        target.Slice(0, Size).Clear();
        Signature.CopyTo(target);
        target[SignatureLength] = Version;
        BinaryPrimitives.WriteUInt32LittleEndian(target.Slice(8), (uint)Phase);
        BinaryPrimitives.WriteUInt32LittleEndian(target.Slice(12), Id);
        BinaryPrimitives.WriteInt64LittleEndian(target.Slice(16), OriginalLength);
        BinaryPrimitives.WriteInt64LittleEndian(target.Slice(24), DurableEnd);
        BinaryPrimitives.WriteInt64LittleEndian(target.Slice(32), DurableRecords);
        BinaryPrimitives.WriteInt64LittleEndian(target.Slice(40), FinalLength);
        BinaryPrimitives.WriteUInt32LittleEndian(target.Slice(48), FinalState);
        BinaryPrimitives.WriteUInt32LittleEndian(target.Slice(Size - 4), Crc32C.Of(target.Slice(0, Size - 4)));
    }

    /// <summary>Reads the header of a journal.</summary>
    /// <returns>Null for a file that holds nothing, as a crash may leave it before the image was changed.</returns>
    /// <exception cref="DiskImageException">ImageCorrupt where it is damaged or something else; UnsupportedFeature for another version.</exception>
    internal static UndoHeader? Read(BlockStorage file)
    {
        Span<byte> bytes = stackalloc byte[Size];
        file.ReadOrZero(0, bytes);
        if (file.Length <= UndoJournal.FirstRecord && ZeroScan.IsZero(bytes))
            return null;
        if (!bytes.Slice(0, SignatureLength).SequenceEqual(Signature))
            throw new DiskImageException(ErrorKind.ImageCorrupt, "the file has the name of an undo file and is none", file.Path) { Offset = 0 };
        if (bytes[SignatureLength] != Version)
        {
            string version = bytes[SignatureLength] is > 32 and < 127 ? ((char)bytes[SignatureLength]).ToString() : "?";
            throw new DiskImageException(ErrorKind.UnsupportedFeature, $"the undo file has the version '{version}', and only '{(char)Version}' is known", file.Path)
            {
                Structure = "header field version",
                Offset = SignatureLength,
                Value = bytes[SignatureLength],
            };
        }

        var header = new UndoHeader
        {
            Phase = (UndoPhase)BinaryPrimitives.ReadUInt32LittleEndian(bytes.Slice(8)),
            Id = BinaryPrimitives.ReadUInt32LittleEndian(bytes.Slice(12)),
            OriginalLength = BinaryPrimitives.ReadInt64LittleEndian(bytes.Slice(16)),
            DurableEnd = BinaryPrimitives.ReadInt64LittleEndian(bytes.Slice(24)),
            DurableRecords = BinaryPrimitives.ReadInt64LittleEndian(bytes.Slice(32)),
            FinalLength = BinaryPrimitives.ReadInt64LittleEndian(bytes.Slice(40)),
            FinalState = BinaryPrimitives.ReadUInt32LittleEndian(bytes.Slice(48)),
        };
        // What is missing was read as zeroes, and a checksum may end in one.
        bool isWhole = file.Length >= Size && BinaryPrimitives.ReadUInt32LittleEndian(bytes.Slice(Size - 4)) == Crc32C.Of(bytes.Slice(0, Size - 4));
        if (!isWhole || header.OriginalLength < 0 || header.Phase is < UndoPhase.Repairing or > UndoPhase.UndoingByForce)
            throw new DiskImageException(ErrorKind.ImageCorrupt, "the header of the undo file is damaged, so nothing can be put back", file.Path) { Offset = 0 };
        return header;
    }

    /// <summary>Whether a file is an undo journal, of whatever version and state, or is empty: what may be removed as one.</summary>
    internal static bool IsOwn(BlockStorage file)
    {
        Span<byte> bytes = stackalloc byte[SignatureLength];
        file.ReadOrZero(0, bytes);
        return bytes.SequenceEqual(Signature) || (file.Length <= UndoJournal.FirstRecord && ZeroScan.IsZero(bytes));
    }
}
