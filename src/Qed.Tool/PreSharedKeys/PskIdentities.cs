using System.Collections.Generic;
using System.IO;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Text;
using Org.BouncyCastle.Tls;
using Qed.Server;

namespace Qed.Tool.PreSharedKeys;

/// <summary>The keys by which clients are known.</summary>
/// <param name="keys">The keys by their users' names, each character of which is one byte.</param>
internal sealed class PskIdentities(Dictionary<string, byte[]> keys) : NbdTlsIdentity
{
    // Nobody has it. Who gives a name that is not known fails where one with a wrong key fails, after the same work.
    private readonly byte[] _nobodys = RandomNumberGenerator.GetBytes(32);

    /// <inheritdoc/>
    public override Stream Encrypt(Stream connection)
    {
        var protocol = new PskProtocol(connection);
        try
        {
            protocol.Accept(new PskPeer(this));
            return protocol.Stream;
        }
        catch (TlsFatalAlert error)
        {
            throw new AuthenticationException(ReasonOf(error), error);
        }
        catch (TlsFatalAlertReceived error)
        {
            throw new AuthenticationException("it ended the handshake: " + error.Message, error);
        }
        finally
        {
            if (!protocol.IsConnected)
                connection.Dispose();
        }
    }

    /// <summary>Whether a name is known.</summary>
    internal bool Knows(byte[] name) => keys.ContainsKey(TextOf(name));

    /// <summary>The key of a name, which is the caller's to overwrite; one that nobody has where the name is not known.</summary>
    internal byte[] KeyOf(byte[] name) => (byte[])keys.GetValueOrDefault(TextOf(name), _nobodys).Clone();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        foreach (byte[] key in keys.Values)
            CryptographicOperations.ZeroMemory(key);
    }

    private static string TextOf(byte[] name) => Encoding.Latin1.GetString(name);

    private static string ReasonOf(TlsFatalAlert error) => error.AlertDescription switch
    {
        // In TLS 1.2 whoever has another key encrypts, and in 1.3 signs, by it what comes first.
        AlertDescription.decrypt_error or AlertDescription.bad_record_mac => "its name is not known, or it has another key",
        AlertDescription.handshake_failure => "it offers no pre-shared key and no cipher that are taken here, or left within the handshake",
        AlertDescription.protocol_version => "it speaks neither TLS 1.2 nor TLS 1.3",
        _ => "its handshake is not understood: " + error.Message,
    };
}
