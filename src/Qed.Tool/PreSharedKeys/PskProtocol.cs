using System;
using System.IO;
using System.Threading;
using Org.BouncyCastle.Tls;

namespace Qed.Tool.PreSharedKeys;

/// <summary>
/// TLS of one connection, in which one thread reads while another one writes: the library's own stream lets two write at once
/// where the reading one has something to say, too (an alert), and they must not share a nonce.
/// </summary>
/// <param name="connection">The connection; its bytes are taken more than one record at a time.</param>
internal sealed class PskProtocol(Stream connection) : TlsServerProtocol(new BufferedStream(connection, InputSize), connection)
{
    // Two records of the largest kind.
    private const int InputSize = 2 * (16 << 10) + 512;

    private readonly Lock _writing = new();

    /// <inheritdoc/>
    protected override void WriteRecord(short type, byte[] buf, int off, int len)
    {
        lock (_writing)
            base.WriteRecord(type, buf, off, len);
    }

    /// <inheritdoc/>
    protected override void WriteRecord(short type, ReadOnlySpan<byte> buffer)
    {
        lock (_writing)
            base.WriteRecord(type, buffer);
    }

    /// <inheritdoc/>
    protected override void Send13KeyUpdate(bool updateRequested)
    {
        lock (_writing)
            base.Send13KeyUpdate(updateRequested);
    }

    /// <summary>Says no farewell, which could wait for a client that takes nothing any more.</summary>
    protected override void RaiseAlertWarning(short alertDescription, string message)
    {
        if (alertDescription != AlertDescription.close_notify)
            base.RaiseAlertWarning(alertDescription, message);
    }
}
