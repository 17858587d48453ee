using System;
using System.Runtime.InteropServices;

namespace Qed.Storage;

/// <summary>
/// A page of a file's tables in memory. Its readers take no lock, and keep what they hold also when the cache lets go of it.
/// </summary>
internal class CachedPage
{
    /// <summary>Bytes in a page: few, so that a random access does not push out what many others need.</summary>
    internal const int Size = 1 << 12;

    // Null once the page is loaded.
    private volatile PageLoad? _load;
    private volatile bool _isUsedAgain;
    private int _length;
    private PageFaults? _faults;
    private int _placeInLoad;

    /// <param name="offset">Where the page lies in the file, a multiple of <see cref="Size"/>.</param>
    internal CachedPage(long offset) => Offset = offset;

    /// <summary>Where the page lies in the file.</summary>
    internal long Offset { get; }

    /// <summary>How many of its bytes the file has; the others are zeroes.</summary>
    internal int Length => _length;

    /// <summary>Whether the file has all of it, and all could be read.</summary>
    internal bool IsWhole => _length == Size && _faults is null;

    /// <summary>The page's bytes as they stand in the file.</summary>
    internal Span<byte> Bytes => MemoryMarshal.AsBytes(Words.AsSpan());

    internal bool IsLoaded => _load is null;

    /// <summary>The page's bytes, at places that are aligned, so that who reads a word never sees half a change.</summary>
    private protected ulong[] Words { get; } = new ulong[Size / sizeof(ulong)];

    /// <summary>How many bytes from a place on were read.</summary>
    /// <param name="place">Bytes from the start of the page, below <see cref="Size"/>.</param>
    /// <exception cref="DiskImageException">Not even the first: what the system reported of it.</exception>
    internal int ReadableAt(int place)
        => _faults is null ? Size - place : Math.Min(Size - place, _faults.ReadableAt(_placeInLoad + place));

    internal void Await(PageLoad load) => _load = load;

    /// <summary>Waits until the page is loaded, and loads it where nobody does.</summary>
    internal void EnsureLoaded(BlockStorage storage) => _load?.Finish(storage, this);

    /// <summary>Takes what was read over from its load.</summary>
    internal void Complete(ReadOnlySpan<byte> bytes, int length, PageFaults? faults, int placeInLoad)
    {
        bytes.CopyTo(Bytes);
        (_length, _faults, _placeInLoad) = (length, faults, placeInLoad);
        _load = null;
    }

    /// <summary>Remembers that the page was wanted again. Written only where that is news: threads share what is only read.</summary>
    internal void MarkUsedAgain()
    {
        if (!_isUsedAgain)
            _isUsedAgain = true;
    }

    /// <summary>Whether the page was wanted again since the last time this was asked.</summary>
    internal bool TakeUsedAgain()
    {
        bool was = _isUsedAgain;
        _isUsedAgain = false;
        return was;
    }

    /// <summary>Asked before the cache lets go of the page; after that nobody may change it any more.</summary>
    /// <returns>False where it must stay.</returns>
    internal virtual bool TryLeave() => true;
}
