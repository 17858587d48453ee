#if NET
using System;
#endif
using System.IO;
using System.Net.Security;
using System.Security.Authentication;
#if NET
using System.Security.Cryptography;
#endif
using System.Security.Cryptography.X509Certificates;

namespace Qed.Server.Security;

/// <summary>The server's certificate, and that of the authority by which it knows its clients.</summary>
internal sealed class CertificateIdentity : NbdTlsIdentity
{
    // Which versions of the protocol are safe is the system's decision.
    private const SslProtocols Protocols = SslProtocols.None;

    private readonly X509Certificate2 _certificate;
    private readonly X509Certificate2? _authority;

    private CertificateIdentity(X509Certificate2 certificate, X509Certificate2? authority)
    {
        _certificate = certificate;
        _authority = authority;
    }

    /// <summary>Reads certificates.</summary>
    /// <exception cref="DiskImageException">ImageNotFound, AccessDenied, ImageNotRecognized: a file is not there, cannot be read, or is none.</exception>
    internal static CertificateIdentity Load(NbdCertificates options)
    {
#if NET
        string certificate = PathIn(options, "server-cert.pem");
        string key = PathIn(options, "server-key.pem");
        string authority = PathIn(options, "ca-cert.pem");
        return new CertificateIdentity(
            Read(certificate, () => WithUsableKey(X509Certificate2.CreateFromPemFile(certificate, key))),
            options.VerifiesClients ? Read(authority, () => X509Certificate2.CreateFromPem(File.ReadAllText(authority))) : null);
#else
        throw new DiskImageException(ErrorKind.UnsupportedFeature, "connections are encrypted by PowerShell 7 and the command only", options.CertificateFolder);
#endif
    }

    /// <inheritdoc/>
    public override Stream Encrypt(Stream connection)
    {
        var stream = new SslStream(connection, leaveInnerStreamOpen: false, (_, certificate, _, _) => _authority is null || IsSigned(certificate));
        try
        {
            stream.AuthenticateAsServer(_certificate, clientCertificateRequired: _authority is not null, Protocols, checkCertificateRevocation: false);
            return stream;
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (!disposing)
            return;
        _certificate.Dispose();
        _authority?.Dispose();
    }

    private bool IsSigned(X509Certificate? certificate)
    {
#if NET
        if (certificate is null)
            return false;
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(_authority!);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        using var client = new X509Certificate2(certificate);
        return chain.Build(client);
#else
        return false;
#endif
    }

#if NET
    private static string PathIn(NbdCertificates options, string name)
    {
        string path = Path.Combine(options.CertificateFolder, name);
        return File.Exists(path) || (name == "ca-cert.pem" && !options.VerifiesClients) ? path
            : throw new DiskImageException(ErrorKind.ImageNotFound, $"the folder of the certificates has no {name}", path);
    }

    private static X509Certificate2 Read(string path, Func<X509Certificate2> read)
    {
        try
        {
            return read();
        }
        catch (CryptographicException error)
        {
            throw new DiskImageException(ErrorKind.ImageNotRecognized, $"it is no certificate with its key, in PEM: {error.Message}", path, error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new DiskImageException(ErrorKind.AccessDenied, error.Message, path, error);
        }
    }

    // Windows does not serve with a key that lives in memory alone.
    private static X509Certificate2 WithUsableKey(X509Certificate2 certificate)
    {
        if (!OperatingSystem.IsWindows())
            return certificate;
        using (certificate)
            return LoadPkcs12(certificate.Export(X509ContentType.Pkcs12));
    }

#pragma warning disable SYSLIB0057 // The loader that replaces it is not in .NET 8.
    private static X509Certificate2 LoadPkcs12(byte[] pkcs12) => new(pkcs12);
#pragma warning restore SYSLIB0057
#endif
}
