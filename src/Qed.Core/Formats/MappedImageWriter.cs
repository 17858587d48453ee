using System;
using Qed.Images;
using Qed.Storage;
using Qed.Units;

namespace Qed.Formats;

/// <summary>Fills a fresh image that stores the guest's bytes in one file as they are; a format adds where.</summary>
/// <param name="target">The image's file.</param>
internal abstract class MappedImageWriter(BlockStorage target) : ImageWriter
{
    /// <summary>The image's file.</summary>
    protected BlockStorage Target { get; } = target;

    public sealed override void Write(GuestOffset offset, ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            (long host, long count) = FindRun(offset, buffer.Length);
            Target.Write(host, buffer.Slice(0, (int)count));
            buffer = buffer.Slice((int)count);
            offset += count;
        }
    }

    internal sealed override bool TryClone(GuestOffset offset, BlockStorage source, HostOffset from, long length)
    {
        while (length > 0)
        {
            (long host, long count) = FindRun(offset, length);
            if (!Target.TryClone(source, from.Value, host, count))
                return false;
            length -= count;
            offset += count;
            from += count;
        }

        return true;
    }

    /// <summary>Where a reserved range starts in the file, and how many bytes of it lie there in one piece. Called from several threads.</summary>
    /// <exception cref="InvalidOperationException">The range was not reserved.</exception>
    protected abstract (long Host, long Count) FindRun(GuestOffset offset, long wanted);
}
