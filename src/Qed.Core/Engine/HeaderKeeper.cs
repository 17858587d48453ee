using System;
using Qed.Layout;
using Qed.Storage;

namespace Qed.Engine;

/// <summary>
/// Owns the header of an open image and the protocol of its NEED_CHECK bit. Every change of the fixed part is one write
/// inside the first sector, so a crash leaves the old header or the new one.
/// </summary>
internal sealed class HeaderKeeper
{
    private readonly BlockStorage _storage;
    private readonly object _lock = new();
    // Changed under the lock only, and read without.
    private volatile QedHeader _header;
    private bool _setByUs;
    private bool _keepNeedCheck;
    private volatile bool _isUntouched;

    /// <param name="storage">The image's file.</param>
    /// <param name="header">What it says now.</param>
    /// <param name="verified">Whether the caller has checked an image that needs it and found it sound.</param>
    internal HeaderKeeper(BlockStorage storage, QedHeader header, bool verified)
    {
        _storage = storage;
        _header = header;
        _setByUs = header.NeedsCheck && verified;
        _keepNeedCheck = header.NeedsCheck && !verified;
        _isUntouched = true;
    }

    internal QedHeader Header => _header;

    /// <summary>
    /// Clears, durably, the features that do not outlive a change by somebody who does not know them; to be called before
    /// any change. Those who do know them will then not trust what they describe.
    /// </summary>
    internal void BeforeChange()
    {
        if (!_isUntouched)
            return;
        lock (_lock)
        {
            if (_isUntouched && _header.AutoclearFeatures != 0)
                Write(_header);
            _isUntouched = false;
        }
    }

    /// <summary>Replaces the header, durably.</summary>
    internal void Update(Func<QedHeader, QedHeader> change)
    {
        lock (_lock)
            Write(change(_header));
    }

    /// <summary>Marks the image as being changed, durably, before the first change that a crash could leave half done.</summary>
    internal void SetNeedCheck()
    {
        if (_header.NeedsCheck)
            return;
        lock (_lock)
        {
            if (_header.NeedsCheck)
                return;
            Write(_header with { Features = _header.Features | QedFeatures.NeedCheck });
            _setByUs = true;
        }
    }

    /// <summary>
    /// Takes the mark back, once everything else is on stable storage and nothing is known to be wrong. One that was there
    /// before stays where nothing was changed: whoever refuses to change an image leaves it as it is.
    /// </summary>
    internal void ClearNeedCheck()
    {
        lock (_lock)
        {
            if (!_header.NeedsCheck || !_setByUs || _keepNeedCheck || _isUntouched)
                return;
            QedHeader marked = _header;
            try
            {
                Write(marked with { Features = marked.Features & ~QedFeatures.NeedCheck });
                _setByUs = false;
            }
            catch
            {
                MarkAgain(marked);
                throw;
            }
        }
    }

    /// <summary>Takes the header anew, after it was changed beneath.</summary>
    internal void Reload()
    {
        lock (_lock)
            _header = QedHeaderReader.Read(_storage);
    }

    /// <summary>Remembers that something has gone wrong, so that the mark stays after closing.</summary>
    internal void KeepNeedCheck()
    {
        lock (_lock)
            _keepNeedCheck = true;
    }

    private void Write(QedHeader header)
    {
        header = header with { AutoclearFeatures = 0 };
        _isUntouched = false;
        try
        {
            Put(header);
            _storage.Flush();
            _header = header;
        }
        catch
        {
            // Nobody knows now what is on the disk.
            _keepNeedCheck = true;
            throw;
        }
    }

    /// <summary>A header whose flush failed is in the file all the same, and may reach the disk yet: without its mark.</summary>
    private void MarkAgain(QedHeader marked)
    {
        try
        {
            Put(marked);
        }
        catch (DiskImageException)
        {
            // Then the file has the mark still, or cannot be written any more; that it is not flushed is being reported.
        }
    }

    private void Put(QedHeader header)
    {
        Span<byte> bytes = stackalloc byte[QedHeader.Size];
        header.Write(bytes);
        _storage.Write(0, bytes);
    }
}
