using System;
using System.Threading;

namespace Qed.Server.Connections;

/// <summary>Sends replies of several threads over one connection, each whole.</summary>
/// <param name="transport">The connection.</param>
/// <param name="hangUp">Ends the connection.</param>
internal sealed class ReplySender(Transport transport, Action hangUp)
{
    private readonly object _turn = new();
    private bool _isBroken;

    /// <summary>Sends bytes; where the client is gone they are lost, which its own thread notices as well.</summary>
    internal void Send(byte[] bytes, int offset, int count)
    {
        lock (_turn)
        {
            if (_isBroken)
                return;
            try
            {
                transport.Write(bytes, offset, count);
            }
            catch (Exception)
            {
                // Whatever it was, part of it may have gone out: nothing that follows would be understood.
                Break();
            }
        }
    }

    /// <summary>Ends the connection: nobody is told any more what is done, so what is not begun is not.</summary>
    internal void Break()
    {
        Volatile.Write(ref _isBroken, true);
        hangUp();
    }

    /// <summary>Whether something could not be sent, or nothing is to be sent any more.</summary>
    internal bool IsBroken => Volatile.Read(ref _isBroken);
}
