using System;
using System.Collections.Generic;
using System.Linq;
using Org.BouncyCastle.Crypto.Prng;
using Org.BouncyCastle.Security;
using Org.BouncyCastle.Tls;
using Org.BouncyCastle.Tls.Crypto.Impl.BC;

namespace Qed.Tool.PreSharedKeys;

/// <summary>
/// What the server agrees to in a handshake: TLS 1.3 (RFC 8446) and 1.2 (RFC 4279, RFC 5489, RFC 7905), known keys, and only what keeps
/// a recorded connection secret from who learns the key later. For one connection.
/// </summary>
/// <param name="users">Whom it knows.</param>
internal sealed class PskPeer(PskIdentities users)
    : AbstractTlsServer(new BcTlsCrypto(new SecureRandom(new CryptoApiRandomGenerator()))), TlsPskIdentityManager
{
    // Of TLS 1.3's those of SHA-256, by which keys from outside are bound unless both sides have agreed on another hash.
    private static readonly int[] Suites =
    [
        CipherSuite.TLS_AES_128_GCM_SHA256,
        CipherSuite.TLS_CHACHA20_POLY1305_SHA256,
        CipherSuite.TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256,
        CipherSuite.TLS_ECDHE_PSK_WITH_AES_256_GCM_SHA384,
        CipherSuite.TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256,
        CipherSuite.TLS_DHE_PSK_WITH_AES_128_GCM_SHA256,
        CipherSuite.TLS_DHE_PSK_WITH_AES_256_GCM_SHA384,
        CipherSuite.TLS_DHE_PSK_WITH_CHACHA20_POLY1305_SHA256,
    ];

    // Larger ones cost the server seconds for a client that nobody knows yet.
    private static readonly int[] Groups = [NamedGroup.x25519, NamedGroup.secp256r1, NamedGroup.secp384r1, NamedGroup.ffdhe2048, NamedGroup.ffdhe3072];

    /// <inheritdoc/>
    public override TlsPskExternal GetExternalPsk(IList<PskIdentity> identities)
    {
        byte[] name = (identities.FirstOrDefault(offered => users.Knows(offered.Identity)) ?? identities[0]).Identity;
        return new BasicTlsPskExternal(name, Crypto.CreateSecret(users.KeyOf(name)));
    }

    /// <inheritdoc/>
    public override TlsPskIdentityManager GetPskIdentityManager() => this;

    /// <inheritdoc/>
    public byte[]? GetHint() => null;

    /// <inheritdoc/>
    public byte[] GetPsk(byte[] identity) => users.KeyOf(identity);

    /// <summary>There are no certificates; who needs one has offered no key that is taken.</summary>
    public override TlsCredentials? GetCredentials()
        => TlsUtilities.IsTlsV13(m_context) ? throw new TlsFatalAlert(AlertDescription.handshake_failure) : null;

    /// <inheritdoc/>
    public override int[] GetSupportedGroups() => Groups;

    /// <summary>Requests say themselves how long they are, and whoever leaves may do so without a word.</summary>
    public override bool RequiresCloseNotify() => false;

    /// <inheritdoc/>
    protected override int[] GetSupportedCipherSuites() => TlsUtilities.GetSupportedCipherSuites(Crypto, Suites);

    /// <inheritdoc/>
    protected override bool PreferLocalCipherSuites() => true;

    /// <inheritdoc/>
    protected override int SelectDH(int minimumFiniteFieldBits)
        => GroupOf(group => NamedGroup.GetFiniteFieldBits(group) >= minimumFiniteFieldBits, SelectDHDefault(minimumFiniteFieldBits));

    /// <inheritdoc/>
    protected override int SelectECDH(int minimumCurveBits)
        => GroupOf(group => NamedGroup.GetCurveBits(group) >= minimumCurveBits, SelectECDHDefault(minimumCurveBits));

    /// <summary>The group that both sides know; none of its kind where the client has said that it knows only others.</summary>
    private int GroupOf(Func<int, bool> isOfKind, int usual)
    {
        int[] offered = m_context.SecurityParameters.ClientSupportedGroups ?? [];
        return Groups.Where(isOfKind).FirstOrDefault(offered.Contains, offered.Any(isOfKind) ? -1 : usual);
    }
}
