namespace Qed.Server;

/// <summary>
/// How connections are encrypted: with X.509 certificates in a folder, by the names that QEMU, libnbd and nbdkit give them:
/// <c>server-cert.pem</c> and <c>server-key.pem</c>, and <c>ca-cert.pem</c>, by which clients are known.
/// </summary>
public sealed record NbdTls
{
    /// <summary>The folder with the certificates.</summary>
    public required string CertificateFolder { get; init; }

    /// <summary>Whether a client that does not ask for TLS is told that it must, and gets nothing else.</summary>
    public bool IsRequired { get; init; } = true;

    /// <summary>Whether clients need a certificate, signed by whoever signed <c>ca-cert.pem</c>.</summary>
    public bool VerifiesClients { get; init; }
}
