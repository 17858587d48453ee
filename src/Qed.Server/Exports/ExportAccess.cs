using System;
using System.Collections.Generic;
using Qed.Images;
using Qed.Server.Protocol;

namespace Qed.Server.Exports;

/// <summary>What requests do to an export's image. Threads may share it. All ranges have been looked at.</summary>
internal sealed class ExportAccess
{
    private readonly DiskImage _image;
    private readonly WritableDiskImage? _writable;
    private readonly long _offset;
    private readonly bool _takesSeveral;
    private volatile bool _isUnflushed;

    internal ExportAccess(NbdExport export, bool takesSeveral)
    {
        _takesSeveral = takesSeveral;
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
            | TransmissionFlags.SendCache;
        if (_takesSeveral)
            flags |= TransmissionFlags.CanMultiConnect;
        flags |= IsReadOnly ? TransmissionFlags.ReadOnly : TransmissionFlags.SendTrim | TransmissionFlags.SendWriteZeroes | TransmissionFlags.SendFastZero;
        return isStructured ? flags | TransmissionFlags.SendDontFragment : flags;
    }

    internal void Read(long offset, Span<byte> buffer) => _image.Read(_offset + offset, buffer);

    /// <summary>Has the host begin to read the data of a range that is soon read, and returns before it has.</summary>
    /// <returns>False where it cannot, or not all of it.</returns>
    internal bool TryReadAhead(long offset, long length)
    {
        try
        {
            return _image.TryReadAhead(_offset + offset, length);
        }
        catch (DiskImageException)
        {
            // Whoever reads it is told.
            return false;
        }
    }

    internal void Write(long offset, ReadOnlySpan<byte> buffer)
    {
        _writable!.Write(_offset + offset, buffer);
        NoteChange();
    }

    /// <summary>Makes a range read as zeroes, whose space may be given back.</summary>
    internal void WriteZeroes(long offset, long length)
    {
        _writable!.WriteZeroes(_offset + offset, length);
        NoteChange();
    }

    /// <summary>As <see cref="WriteZeroes"/>, where that is quicker than writing.</summary>
    /// <returns>False, with nothing changed, where it may not be.</returns>
    internal bool TryWriteZeroesQuickly(long offset, long length)
    {
        bool isDone = _writable!.TryWriteZeroesQuickly(_offset + offset, length);
        if (isDone)
            NoteChange();
        return isDone;
    }

    internal void Discard(long offset, long length)
    {
        _writable!.Discard(_offset + offset, length);
        NoteChange();
    }

    /// <summary>Whether something was changed after the last flush had begun, or that one failed.</summary>
    internal bool IsUnflushed => _isUnflushed;

    /// <summary>Returns once all that was replied to is on stable storage.</summary>
    internal void Flush()
    {
        _isUnflushed = false;
        try
        {
            _writable?.Flush();
        }
        catch
        {
            _isUnflushed = true;
            throw;
        }
    }

    /// <summary>Whether a range has no data anywhere in the chain, as far as one look at the tables tells.</summary>
    internal bool IsHole(long offset, long length) => _image.IsHole(_offset + offset, length);

    /// <summary>What a range consists of, by the offsets of the image.</summary>
    internal IEnumerable<MappedExtent> Extents(long offset, long length) => _image.GetExtents(_offset + offset, length);

    // Afterwards, so that a flush that begins in between covers it; and rarely, so that threads do not take the line from each other.
    private void NoteChange()
    {
        if (!_isUnflushed)
            _isUnflushed = true;
    }
}
