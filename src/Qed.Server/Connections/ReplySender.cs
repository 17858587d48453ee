using System.IO;
using System.Threading;

namespace Qed.Server.Connections;

/// <summary>Sends replies of several threads over one connection, each whole.</summary>
/// <param name="transport">The connection.</param>
internal sealed class ReplySender(Transport transport)
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
            catch (IOException)
            {
                // Part of it may have gone out: nothing that follows would be understood.
                Volatile.Write(ref _isBroken, true);
            }
        }
    }

    /// <summary>Whether something could not be sent.</summary>
    internal bool IsBroken => Volatile.Read(ref _isBroken);
}
