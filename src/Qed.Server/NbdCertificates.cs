using Qed.Server.Security;

namespace Qed.Server;

/// <summary>
/// X.509 certificates in a folder, by the names that QEMU, libnbd and nbdkit give them: <c>server-cert.pem</c> and
/// <c>server-key.pem</c>, and <c>ca-cert.pem</c>, by which clients are known.
/// </summary>
public sealed record NbdCertificates : NbdTls
{
    /// <summary>The folder with the certificates.</summary>
    public required string CertificateFolder { get; init; }

    /// <summary>Whether clients need a certificate, signed by whoever signed <c>ca-cert.pem</c>.</summary>
    public bool VerifiesClients { get; init; }

    /// <inheritdoc/>
    public override NbdTlsIdentity Load() => CertificateIdentity.Load(this);
}
