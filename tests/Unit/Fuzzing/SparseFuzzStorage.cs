using System;
using System.Collections.Generic;
using Qed.Bits;
using Qed.Storage;

namespace Qed.Tests.Fuzzing;

/// <summary>A file that is changed, and tells where it takes no space: where it was zeroes at first, or was punched.</summary>
internal sealed class SparseFuzzStorage : FuzzStorage, IHoleMap
{
    private const int Page = 4096;

    private readonly HashSet<long> _data = [];

    internal SparseFuzzStorage(string path, byte[] bytes, bool canWrite, WorkMeter meter)
        : base(path, canWrite ? (byte[])bytes.Clone() : bytes, bytes.Length, canWrite, meter)
    {
        for (int start = 0; start < bytes.Length; start += Page)
        {
            if (!ZeroScan.IsZero(bytes.AsSpan(start, Math.Min(Page, bytes.Length - start))))
                _data.Add(start / Page);
        }
    }

    public StorageExtent NextExtent(long offset)
    {
        lock (_data)
        {
            bool isHole = !_data.Contains(offset / Page);
            long length = Length;
            long end = offset;
            do
                end = Math.Min(length, (end / Page + 1) * Page);
            while (end < length && _data.Contains(end / Page) != isHole);
            return new StorageExtent(offset, Math.Max(1, end - offset), isHole);
        }
    }

    public bool IsHole(long offset, long length) => NextExtent(offset).IsHoleUpTo(offset + length);

    protected override void Written(long start, long end)
    {
        lock (_data)
        {
            for (long page = start / Page; page * Page < end; page++)
                _data.Add(page);
        }
    }

    protected override void Punched(long start, long end)
    {
        lock (_data)
        {
            for (long page = (start + Page - 1) / Page; page * Page < end; page++)
            {
                if ((page + 1) * Page <= end || end == Length)
                    _data.Remove(page);
            }
        }
    }
}
