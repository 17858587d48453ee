using System;
using System.Runtime.InteropServices;

namespace Qed.Tests.Support;

/// <summary>
/// Bytes in pages, of which copies share those that neither has changed: thousands of states of a file cost little more than
/// what differs. What was never written, or was punched, is a hole. Not thread-safe.
/// </summary>
internal sealed class MemoryPages
{
    internal const int PageSize = 4096;

    private const ulong Prime = 0x9E3779B97F4A7C15;

    private Page[] _pages;

    internal MemoryPages(ReadOnlySpan<byte> contents)
    {
        _pages = new Page[PagesFor(contents.Length)];
        Length = contents.Length;
        for (int i = 0; i < _pages.Length; i++)
        {
            ReadOnlySpan<byte> part = contents[(i * PageSize)..Math.Min(contents.Length, (i + 1) * PageSize)];
            if (part.ContainsAnyExcept((byte)0))
                part.CopyTo(Own(i));
        }
    }

    private MemoryPages(MemoryPages other)
    {
        for (int i = 0; i < other._pages.Length; i++)
            other._pages[i].IsOwn = false;
        _pages = (Page[])other._pages.Clone();
        Length = other.Length;
    }

    internal long Length { get; private set; }

    /// <summary>A number that tells contents apart: what is a hole is not the same as zeroes that were written.</summary>
    internal ulong Fingerprint
    {
        get
        {
            ulong sum = (ulong)Length;
            for (int i = 0; i < _pages.Length; i++)
            {
                if (_pages[i].Bytes is not null)
                    sum += Mix(_pages[i].Hash ^ ((ulong)i << 48) ^ (ulong)i);
            }

            return Mix(sum);
        }
    }

    /// <summary>A copy that changes on its own.</summary>
    internal MemoryPages Fork() => new(this);

    internal void Read(long offset, Span<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            int within = (int)(offset % PageSize);
            Span<byte> part = buffer[..Math.Min(buffer.Length, PageSize - within)];
            if (_pages[offset / PageSize].Bytes is { } bytes)
                bytes.AsSpan(within, part.Length).CopyTo(part);
            else
                part.Clear();
            offset += part.Length;
            buffer = buffer[part.Length..];
        }
    }

    internal void Write(long offset, ReadOnlySpan<byte> buffer)
    {
        if (offset + buffer.Length > Length)
            SetLength(offset + buffer.Length);
        while (!buffer.IsEmpty)
        {
            int within = (int)(offset % PageSize);
            ReadOnlySpan<byte> part = buffer[..Math.Min(buffer.Length, PageSize - within)];
            part.CopyTo(Own((int)(offset / PageSize)).AsSpan(within));
            offset += part.Length;
            buffer = buffer[part.Length..];
        }
    }

    /// <summary>Makes a hole of a range, as far as the file reaches.</summary>
    internal void Punch(long offset, long length)
    {
        long end = Math.Min(offset + length, Length);
        while (offset < end)
        {
            int within = (int)(offset % PageSize);
            int part = (int)Math.Min(end - offset, PageSize - within);
            if (part == PageSize)
                _pages[offset / PageSize] = default;
            else if (_pages[offset / PageSize].Bytes is not null)
                Own((int)(offset / PageSize)).AsSpan(within, part).Clear();
            offset += part;
        }
    }

    internal void SetLength(long length)
    {
        if (length < Length)
            Punch(length, Length - length);
        int pages = PagesFor(length);
        if (pages > _pages.Length)
            Array.Resize(ref _pages, Math.Max(pages, _pages.Length + (_pages.Length / 4)));
        else if (pages < _pages.Length / 2)
            Array.Resize(ref _pages, pages);
        else
            _pages.AsSpan(pages).Clear();
        Length = length;
    }

    /// <summary>Where the run of data or hole ends that a place lies in.</summary>
    internal long RunEnd(long offset, out bool isHole)
    {
        int page = (int)(offset / PageSize);
        isHole = _pages[page].Bytes is null;
        int last = PagesFor(Length);
        do
            page++;
        while (page < last && _pages[page].Bytes is null == isHole);
        return Math.Min(Length, (long)page * PageSize);
    }

    private static int PagesFor(long length) => checked((int)((length + PageSize - 1) / PageSize));

    /// <summary>The bytes of a page that nobody shares, which are about to change.</summary>
    private byte[] Own(int index)
    {
        ref Page page = ref _pages[index];
        if (!page.IsOwn)
        {
            byte[] bytes = new byte[PageSize];
            page.Bytes?.CopyTo(bytes, 0);
            page = new Page { Bytes = bytes, IsOwn = true };
        }

        page.ForgetHash();
        return page.Bytes!;
    }

    private static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 32)) * Prime;
        return value ^ (value >> 29);
    }

    private struct Page
    {
        private ulong _hash;

        internal byte[]? Bytes;

        internal bool IsOwn;

        internal ulong Hash => _hash != 0 ? _hash : _hash = HashOf(Bytes);

        internal void ForgetHash() => _hash = 0;

        private static ulong HashOf(ReadOnlySpan<byte> bytes)
        {
            // Four that do not wait for each other.
            (ulong a, ulong b, ulong c, ulong d) = (1, 2, 3, 4);
            ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(bytes);
            for (int i = 0; i < words.Length; i += 4)
            {
                a = (a ^ words[i]) * Prime;
                b = (b ^ words[i + 1]) * Prime;
                c = (c ^ words[i + 2]) * Prime;
                d = (d ^ words[i + 3]) * Prime;
            }

            return Mix(Mix(Mix(a) + b) + Mix(Mix(c) + d)) | 1;
        }
    }
}
