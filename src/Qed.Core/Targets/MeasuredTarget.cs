using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using Qed.Storage;

namespace Qed.Targets;

/// <summary>A target that keeps nothing of what is written but how long its files would be.</summary>
/// <param name="target">The full path that the image would have: formats may write its name into it.</param>
internal sealed class MeasuredTarget(string target) : ImageTarget, IDisposable
{
    private readonly LengthOnly _storage = new(target);
    private readonly List<LengthOnly> _companions = [];

    public override string Target => target;

    public override BlockStorage Storage => _storage;

    /// <summary>Bytes of all files together.</summary>
    internal long Length => _storage.Length + _companions.Sum(companion => companion.Length);

    internal override (string Name, BlockStorage Storage) AddCompanion(string name)
    {
        var companion = new LengthOnly(Path.Combine(Path.GetDirectoryName(target) ?? string.Empty, name));
        _companions.Add(companion);
        return (name, companion);
    }

    public void Dispose()
    {
        _storage.Dispose();
        foreach (LengthOnly companion in _companions)
            companion.Dispose();
    }

    private sealed class LengthOnly(string path) : BlockStorage, IResizable
    {
        private long _length;

        public override string Path => path;

        public override bool CanWrite => true;

        public override long Length => Interlocked.Read(ref _length);

        public override int Read(long offset, Span<byte> buffer)
        {
            int count = (int)Math.Max(0, Math.Min(buffer.Length, Length - offset));
            buffer.Slice(0, count).Clear();
            return count;
        }

        public override void Write(long offset, ReadOnlySpan<byte> buffer)
        {
            long end = buffer.IsEmpty ? 0 : offset + buffer.Length;
            for (long length = Length; length < end;)
            {
                long seen = Interlocked.CompareExchange(ref _length, end, length);
                if (seen == length)
                    break;
                length = seen;
            }
        }

        public void SetLength(long length) => Interlocked.Exchange(ref _length, length);

        public override void Flush()
        {
        }

        protected override void Dispose(bool disposing)
        {
        }
    }
}
