using System;
using System.Collections.Generic;
using Qed.Images;
using Qed.Server.Protocol;

namespace Qed.Server.Exports;

/// <summary>What requests do to an export's image. Threads may share it. All ranges have been looked at.</summary>
internal sealed class ExportAccess
{
    // Where zeroes have to take space they are written in pieces of this size.
    private const int ZeroPiece = 1 << 20;

    private static readonly byte[] Zeroes = new byte[ZeroPiece];

    private readonly DiskImage _image;
    private readonly WritableDiskImage? _writable;
    private readonly long _offset;

    internal ExportAccess(NbdExport export)
    {
        Export = export;
        _image = export.Image;
        _writable = export.IsReadOnly ? null : (WritableDiskImage)export.Image;
        _offset = export.Offset;
        Length = export.Length;
    }

    internal NbdExport Export { get; }

    internal long Length { get; }

    internal bool IsReadOnly => _writable is null;

    /// <summary>What the export can do.</summary>
    internal TransmissionFlags Flags(bool isStructured)
    {
        TransmissionFlags flags = TransmissionFlags.HasFlags | TransmissionFlags.SendFlush | TransmissionFlags.SendFua
            | TransmissionFlags.SendCache | TransmissionFlags.CanMultiConnect;
        flags |= IsReadOnly ? TransmissionFlags.ReadOnly : TransmissionFlags.SendTrim | TransmissionFlags.SendWriteZeroes;
        return isStructured ? flags | TransmissionFlags.SendDontFragment : flags;
    }

    internal void Read(long offset, Span<byte> buffer) => _image.Read(_offset + offset, buffer);

    internal void Write(long offset, ReadOnlySpan<byte> buffer) => _writable!.Write(_offset + offset, buffer);

    /// <summary>Makes a range read as zeroes.</summary>
    /// <param name="offset">Bytes from the export's start.</param>
    /// <param name="length">Bytes of the range.</param>
    /// <param name="mayFree">Whether its space may be given back.</param>
    internal void WriteZeroes(long offset, long length, bool mayFree)
    {
        if (mayFree)
        {
            _writable!.WriteZeroes(_offset + offset, length);
            return;
        }

        for (long done = 0; done < length;)
        {
            int piece = (int)Math.Min(ZeroPiece, length - done);
            _writable!.Write(_offset + offset + done, Zeroes.AsSpan(0, piece));
            done += piece;
        }
    }

    internal void Discard(long offset, long length) => _writable!.Discard(_offset + offset, length);

    /// <summary>Returns once all that was replied to is on stable storage.</summary>
    internal void Flush() => _writable?.Flush();

    /// <summary>Whether a range has no data anywhere in the chain, as far as one look at the tables tells.</summary>
    internal bool IsHole(long offset, long length)
    {
        foreach (MappedExtent extent in Extents(offset, length))
            return extent.Kind != ExtentKind.Data && extent.Length == length;
        return false;
    }

    /// <summary>What a range consists of, by the offsets of the image.</summary>
    internal IEnumerable<MappedExtent> Extents(long offset, long length) => _image.GetExtents(_offset + offset, length);
}
