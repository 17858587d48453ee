using System;
using System.IO;

namespace Qed.Tests.Server;

/// <summary>The connection to a client that says what it has to say, in pieces of any size, listens to everything and hangs up.</summary>
/// <param name="says">What it says.</param>
internal sealed class ScriptedClient(byte[] says) : Stream
{
    private int _said;
    private long _heard;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    /// <summary>Bytes that it was sent.</summary>
    public override long Length => _heard;

    public override long Position
    {
        get => _said;
        set => throw new NotSupportedException();
    }

    public override int Read(byte[] buffer, int offset, int count)
    {
        // Different pieces each time, the same in each run.
        int length = Math.Min(Math.Min(count, says.Length - _said), 1 + ((_said * 7919) & 0xfff));
        says.AsSpan(_said, length).CopyTo(buffer.AsSpan(offset));
        _said += length;
        return length;
    }

    public override void Write(byte[] buffer, int offset, int count) => _heard += count;

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
