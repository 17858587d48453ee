using System.Collections.Generic;
using System.Linq;
using Qed.Server;
using Qed.Tool.CommandLine;
using Qed.Tool.PreSharedKeys;

namespace Qed.Tool.Commands;

/// <summary>How <c>qed serve</c> is told to encrypt connections: by options of its own and of nbdkit, or by QEMU's objects.</summary>
internal static class ServeTls
{
    private static readonly CommandOption Certificates = CommandOption.WithValue("tls-certificates", "folder", "Encrypt connections, with server-cert.pem and server-key.pem of this folder; no others are served.") with { NamesFile = true };
    private static readonly CommandOption VerifyPeer = CommandOption.Switch("tls-verify-peer", "Serve only clients with a certificate that ca-cert.pem of that folder has signed.");
    private static readonly CommandOption Keys = CommandOption.WithValue("tls-psk", "path", "Encrypt connections by pre-shared keys, 'user:hexadecimal' on each line of this file; no others are served.") with { NamesFile = true };
    private static readonly CommandOption Object = CommandOption.WithValue("object", "objectdef", "Define credentials as QEMU does: 'tls-creds-x509,id=...,dir=...,endpoint=server', or tls-creds-psk with keys.psk in that folder.");
    private static readonly CommandOption Credentials = CommandOption.WithValue("tls-creds", "id", "Encrypt connections with the credentials of that --object; no others are served.");

    internal static IReadOnlyList<CommandOption> Options { get; } = [Certificates, VerifyPeer, Keys, Object, Credentials];

    /// <summary>What connections are encrypted with; null where they are not.</summary>
    /// <exception cref="UsageException">The options contradict one another, or say nothing that is known.</exception>
    internal static NbdTls? Of(ParsedArguments arguments, Session session)
    {
        if (Options.Count(option => option != VerifyPeer && option != Object && arguments.Has(option)) > 1)
            throw new UsageException("connections are encrypted in one way: by --tls-certificates, --tls-psk or --tls-creds");
        if (arguments.Has(VerifyPeer) && !arguments.Has(Certificates))
            throw new UsageException("clients are known by their certificates: name the folder with --tls-certificates");
        NbdTls? tls = arguments.ValueOf(Certificates) is { } folder ? new NbdCertificates { CertificateFolder = folder, VerifiesClients = arguments.Has(VerifyPeer) }
            : arguments.ValueOf(Keys) is { } path ? new PskTls(path)
            : CredentialsOf(arguments);
        if (tls is PskTls { IsOpenToAll: true } keys)
            session.Warn($"'{keys.KeyFile}' has keys that everybody on this machine can get at: chmod o= makes it the server's");
        return tls;
    }

    private static NbdTls? CredentialsOf(ParsedArguments arguments)
    {
        TlsObject[] objects = [.. arguments.ValuesOf(Object).Select(TlsObject.Parse)];
        if (objects.GroupBy(one => one.Id).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new UsageException($"two objects have the id '{twice.Key}'");
        string? id = arguments.ValueOf(Credentials);
        // Where it is forgotten here nobody shall be served in the open.
        if (objects.FirstOrDefault(one => one.Id != id) is { } unused)
            throw new UsageException($"the object '{unused.Id}' is used by nothing: --tls-creds names the one that encrypts connections");
        return id is null ? null : objects.FirstOrDefault()?.Tls ?? throw new UsageException($"No TLS credentials with id '{id}'");
    }
}
