using System;
using System.Buffers;
using System.Collections.Generic;

namespace Qed.Storage;

/// <summary>
/// Pages side by side that one read brings in: by the first who wants one of them, while others who do wait for it and
/// nobody else does.
/// </summary>
internal sealed class PageLoad
{
    private readonly IReadOnlyList<CachedPage> _pages;
    private readonly object _lock = new();

    internal PageLoad(IReadOnlyList<CachedPage> pages)
    {
        _pages = pages;
        foreach (CachedPage page in pages)
            page.Await(this);
    }

    /// <summary>Reads the pages, unless that was done meanwhile. Where it throws the next one who wants a page tries again.</summary>
    internal void Finish(BlockStorage storage, CachedPage wanted)
    {
        lock (_lock)
        {
            if (wanted.IsLoaded)
                return;
            int length = _pages.Count * CachedPage.Size;
            byte[] rented = ArrayPool<byte>.Shared.Rent(length);
            try
            {
                Span<byte> bytes = rented.AsSpan(0, length);
                PageFaults? faults = PageFaults.Read(storage, _pages[0].Offset, bytes, out int read);
                bytes.Slice(read).Clear();
                for (int i = 0; i < _pages.Count; i++)
                {
                    int place = i * CachedPage.Size;
                    int inFile = Math.Max(0, Math.Min(CachedPage.Size, read - place));
                    _pages[i].Complete(bytes.Slice(place, CachedPage.Size), inFile, faults, place);
                }
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(rented);
            }
        }
    }
}
