using System;
using System.IO;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Qed.Server;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Server;

/// <summary>Encrypted connections, with the certificates' names that QEMU, libnbd and nbdkit use, and their clients.</summary>
public sealed class TlsTests
{
    private const long Size = 16 << 20;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Libnbd_and_qemu_work_within_tls(bool verifies)
    {
        using var disk = new ServedDisk(Size);
        string pki = MakeCertificates(disk.Folder, "pki");
        using NbdServer server = Serve(disk, new NbdCertificates { CertificateFolder = pki, VerifiesClients = verifies });
        string uri = $"{server.UriOf(server.Exports[0])}?tls-certificates={pki}";
        Assert.StartsWith("nbds://127.0.0.1:", uri, StringComparison.Ordinal);
        Qemu.Result info = Qemu.Run("nbdinfo", uri);
        Assert.True(info.ExitCode == 0, info.Error);
        Assert.Contains("with TLS", info.Output, StringComparison.Ordinal);
        Qemu.Result io = Qemu.Run(
            "qemu-io", "--object", $"tls-creds-x509,id=tls,endpoint=client,dir={pki}", "--image-opts",
            $"driver=raw,file.driver=nbd,file.server.type=inet,file.server.host=127.0.0.1,file.server.port={server.Address.Port},file.tls-creds=tls",
            "-c", "write -P 1 0 3M", "-c", "flush", "-c", "read -P 1 1M 2M");
        Assert.True(io.ExitCode == 0 && !io.Output.Contains("fail", StringComparison.Ordinal), io.Output + io.Error);
        Qemu.Result copy = Qemu.Run("nbdcopy", uri, disk.Folder["copy"]);
        Assert.True(copy.ExitCode == 0, copy.Error);
        Assert.Equal(Patterns.Filled(3 << 20, 1), File.ReadAllBytes(disk.Folder["copy"])[..(3 << 20)]);
    }

    [Fact]
    public void A_client_whose_certificate_others_have_signed_gets_nothing()
    {
        using var disk = new ServedDisk(Size);
        string pki = MakeCertificates(disk.Folder, "pki");
        string other = MakeCertificates(disk.Folder, "other");
        using NbdServer server = Serve(disk, new NbdCertificates { CertificateFolder = pki, VerifiesClients = true });
        // It trusts the server; the server does not trust it.
        File.Copy(Path.Combine(pki, "ca-cert.pem"), Path.Combine(other, "ca-cert.pem"), overwrite: true);
        Assert.NotEqual(0, Qemu.Run("nbdinfo", $"nbds://127.0.0.1:{server.Address.Port}/?tls-certificates={other}").ExitCode);
        Assert.Equal(0, Qemu.Run("nbdinfo", $"nbds://127.0.0.1:{server.Address.Port}/?tls-certificates={pki}").ExitCode);
    }

    [Fact]
    public void Who_comes_in_the_open_is_told_that_tls_is_required_and_gets_nothing_else()
    {
        using var disk = new ServedDisk(Size);
        string pki = MakeCertificates(disk.Folder, "pki");
        using NbdServer server = Serve(disk, new NbdCertificates { CertificateFolder = pki }, disk.Folder["s"]);
        using (var client = new NbdClient(disk.Folder["s"]))
        {
            foreach (uint option in new uint[] { 3, 6, 7, 8, 9, 10, 4711 })
                Assert.Equal(NbdClient.TlsRequired, client.Option(option, NbdClient.Text(string.Empty), NbdClient.Number((ushort)0))[0].Kind);
            Assert.Equal(NbdClient.InvalidOption, client.Option(5, [1])[0].Kind);
            client.Send("IHAVEOPT"u8.ToArray(), NbdClient.Number(1u), NbdClient.Number(0u));
            Assert.True(client.IsCutOff());
        }

        using (var client = new NbdClient(disk.Folder["s"]))
        {
            // What comes in the open together with the wish for TLS may be anybody's.
            client.Send("IHAVEOPT"u8.ToArray(), NbdClient.Number(5u), NbdClient.Number(0u), "IHAVEOPT"u8.ToArray(), NbdClient.Number(3u), NbdClient.Number(0u));
            Assert.Equal(20, client.Receive(20).Length);
            Assert.True(client.IsCutOff());
        }
    }

    [Fact]
    public void Noise_in_place_of_a_handshake_is_cut_off_and_others_come_in()
    {
        using var disk = new ServedDisk(Size);
        string pki = MakeCertificates(disk.Folder, "pki");
        using NbdServer server = Serve(disk, new NbdCertificates { CertificateFolder = pki }, disk.Folder["s"]);
        for (int seed = 0; seed < 40; seed++)
        {
            var random = new Random(seed);
            using var client = new NbdClient(disk.Folder["s"]);
            Assert.Equal(1u, client.Option(5)[0].Kind);
            byte[] noise = new byte[random.Next(1, 600)];
            random.NextBytes(noise);
            // Half of it as what a handshake begins with.
            if (seed % 2 == 0)
                new byte[] { 22, 3, 1, 0, (byte)noise.Length }.AsSpan(0, Math.Min(5, noise.Length)).CopyTo(noise);
            client.Send(noise);
        }

        using (var client = new NbdClient(disk.Folder["s"]))
            Assert.Equal(1u, client.Option(5)[0].Kind);
        Assert.DoesNotContain(disk.Log, entry => entry.Text.Contains("fault of the program", StringComparison.Ordinal));
    }

    [Fact]
    public void A_server_without_certificates_says_that_it_has_no_tls()
    {
        using var disk = new ServedDisk(Size);
        using NbdClient client = disk.Connect();
        Assert.Equal(NbdClient.ForbiddenOption, client.Option(5)[0].Kind);
        client.Go();
    }

    [Fact]
    public void Certificates_that_are_missing_or_none_are_named()
    {
        using var disk = new ServedDisk(Size);
        string pki = MakeCertificates(disk.Folder, "pki");
        File.Delete(Path.Combine(pki, "ca-cert.pem"));
        Assert.Equal(ErrorKind.ImageNotFound, Refusal(new NbdCertificates { CertificateFolder = pki, VerifiesClients = true }).Kind);
        File.WriteAllText(Path.Combine(pki, "server-key.pem"), "no key");
        DiskImageException error = Refusal(new NbdCertificates { CertificateFolder = pki });
        Assert.Equal((ErrorKind.ImageNotRecognized, Path.Combine(pki, "server-cert.pem")), (error.Kind, error.Path));

        DiskImageException Refusal(NbdTls tls)
            => Assert.Throws<DiskImageException>(() => new NbdServer(disk.Server.Exports, new NbdServerOptions { Address = disk.Server.Address, Tls = tls }));
    }

    private static NbdServer Serve(ServedDisk disk, NbdTls tls, string? socket = null)
    {
        disk.Server.Dispose();
        var server = new NbdServer(
            [NbdExport.Open(new NbdExportOptions { Path = disk.Image })],
            new NbdServerOptions { Address = socket is null ? NbdAddress.Tcp(IPAddress.Loopback, 0) : NbdAddress.Unix(socket), IsPersistent = true, MaximumClients = 8, Tls = tls },
            disk.Logger);
        server.Start();
        return server;
    }

    /// <summary>An authority, and a server and a client that it has signed.</summary>
    private static string MakeCertificates(TempFolder folder, string name)
    {
        string path = Directory.CreateDirectory(folder[name]).FullName;
        DateTimeOffset now = DateTimeOffset.UtcNow;
        using var authorityKey = RSA.Create(2048);
        var authorityRequest = new CertificateRequest($"CN={name} authority", authorityKey, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        authorityRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        authorityRequest.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        using X509Certificate2 authority = authorityRequest.CreateSelfSigned(now.AddDays(-1), now.AddDays(2));
        File.WriteAllText(Path.Combine(path, "ca-cert.pem"), authority.ExportCertificatePem());
        byte serial = 1;
        foreach (string role in new[] { "server", "client" })
        {
            using var key = RSA.Create(2048);
            var request = new CertificateRequest($"CN={role}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
            request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.KeyEncipherment, true));
            request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(role == "server" ? "1.3.6.1.5.5.7.3.1" : "1.3.6.1.5.5.7.3.2")], false));
            var names = new SubjectAlternativeNameBuilder();
            names.AddIpAddress(IPAddress.Loopback);
            request.CertificateExtensions.Add(names.Build());
            using X509Certificate2 certificate = request.Create(authority, now.AddDays(-1), now.AddDays(1), [serial++]);
            File.WriteAllText(Path.Combine(path, role + "-cert.pem"), certificate.ExportCertificatePem());
            File.WriteAllText(Path.Combine(path, role + "-key.pem"), key.ExportPkcs8PrivateKeyPem());
        }

        return path;
    }
}
