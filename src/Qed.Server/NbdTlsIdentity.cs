using System;
using System.IO;
using System.Security.Authentication;

namespace Qed.Server;

/// <summary>Who a server is to its clients, and whom it takes for a client. For several threads at once; the server disposes of it.</summary>
public abstract class NbdTlsIdentity : IDisposable
{
    /// <summary>Encrypts a connection. A server ends the connection of a client that takes longer than it may.</summary>
    /// <param name="connection">The connection, whose next bytes are the client's first of TLS; the new stream's to dispose of.</param>
    /// <returns>What both say from then on. One thread reads while another one writes.</returns>
    /// <exception cref="IOException">The connection failed.</exception>
    /// <exception cref="AuthenticationException">The client is none that is taken, or speaks no TLS; the message, which is logged, says why.</exception>
    public abstract Stream Encrypt(Stream connection);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Lets go of what was read.</summary>
    /// <param name="disposing">Whether it is disposed of, and not found unused by the runtime.</param>
    protected virtual void Dispose(bool disposing)
    {
    }
}
