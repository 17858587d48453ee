using System;
using System.IO;
using System.Net.Sockets;

namespace Qed.Server.Connections;

/// <summary>The bytes of one connection, encrypted from the moment on at which both agree on it.</summary>
/// <param name="stream">The connection.</param>
internal sealed class Transport(Stream stream) : IDisposable
{
    private Stream _stream = stream;

    /// <summary>Whether nobody else can read along.</summary>
    internal bool IsEncrypted { get; private set; }

    /// <summary>Goes on encrypted; nothing may be under way.</summary>
    internal void Encrypt(NbdTlsIdentity identity)
    {
        _stream = identity.Encrypt(_stream);
        IsEncrypted = true;
    }

    /// <summary>Whether something can be read without waiting; an encrypted connection does not tell.</summary>
    internal bool HasMore => _stream is NetworkStream { DataAvailable: true };

    internal int Read(byte[] buffer, int offset, int count) => _stream.Read(buffer, offset, count);

    internal void Write(byte[] buffer, int offset, int count) => _stream.Write(buffer, offset, count);

    public void Dispose() => _stream.Dispose();
}
