using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Tasks;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Tool;

/// <summary><c>qed serve</c> with pre-shared keys, as QEMU and libnbd, by GnuTLS, are its clients.</summary>
public sealed class PreSharedKeyTests
{
    private const int Size = 16 << 20;

    [Theory]
    [InlineData("--tls-psk", "keys/keys.psk")]
    [InlineData("--object", "tls-creds-psk,id=tls0,endpoint=server,dir=keys", "--tls-creds", "tls0")]
    public void Libnbd_and_qemu_read_and_write_what_is_served(params string[] options)
    {
        using var disk = new Disk(options);
        Assert.Contains("with TLS", Succeed("nbdinfo", disk.Uri("alice")), StringComparison.Ordinal);
        byte[] data = RandomNumberGenerator.GetBytes(Size);
        File.WriteAllBytes(disk.Folder["data"], data);
        Succeed("nbdcopy", disk.Folder["data"], disk.Uri("alice"));
        Succeed("nbdcopy", disk.Uri("bob"), disk.Folder["copy"]);
        Assert.Equal(data, File.ReadAllBytes(disk.Folder["copy"]));
        Qemu.ImgOk(["convert", .. disk.Qemu("alice"), "-O", "raw", disk.Folder["copy"]]);
        Assert.Equal(data, File.ReadAllBytes(disk.Folder["copy"]));
        Io(disk.Qemu("bob"), "write -P 3 1M 3M", "flush", "read -P 3 1M 3M");
        (int exitCode, string error) = disk.Server.Terminate();
        Assert.Equal((0, string.Empty), (exitCode, error));
        data.AsSpan(1 << 20, 3 << 20).Fill(3);
        File.WriteAllBytes(disk.Folder["data"], data);
        Qemu.AssertSame("qed", disk.Folder["data"], disk.Folder["disk.qed"]);
    }

    /// <summary>Ciphers and groups of either version, as GnuTLS's priorities name them.</summary>
    [Theory]
    [InlineData("NORMAL:-VERS-ALL:+VERS-TLS1.3")]
    [InlineData("NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+CHACHA20-POLY1305")]
    [InlineData("NORMAL:-VERS-ALL:+VERS-TLS1.3:-GROUP-ALL:+GROUP-SECP384R1")]
    [InlineData("NORMAL:-VERS-ALL:+VERS-TLS1.3:-GROUP-ALL:+GROUP-FFDHE2048")]
    [InlineData("NORMAL:-VERS-ALL:+VERS-TLS1.2")]
    [InlineData("NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+CHACHA20-POLY1305:-GROUP-ALL:+GROUP-SECP256R1")]
    [InlineData("NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-256-GCM")]
    [InlineData("NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-GCM:-GROUP-ALL:+GROUP-FFDHE3072")]
    public void Each_version_cipher_and_group_that_is_offered_works(string priority)
    {
        using var disk = new Disk("--tls-psk", "keys/keys.psk");
        Io(disk.Qemu("alice", priority), "write -P 1 0 1M", "read -P 1 0 1M");
        Assert.Equal((0, string.Empty), disk.Server.Terminate());
    }

    [Theory]
    [InlineData("NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-CBC:+AES-256-CBC")]
    [InlineData("NORMAL:-VERS-ALL:+VERS-TLS1.1")]
    [InlineData("NORMAL:-VERS-ALL:+VERS-TLS1.3:-GROUP-ALL:+GROUP-FFDHE8192")]
    public void What_is_weak_or_takes_the_server_long_is_not_agreed_to(string priority)
    {
        using var disk = new Disk("--tls-psk", "keys/keys.psk");
        Assert.NotEqual(0, Qemu.Img(["info", .. disk.Qemu("alice", priority)]).ExitCode);
        Io(disk.Qemu("alice"), "read 0 1M");
        Assert.Contains("Client 1 was cut off: ", disk.Server.Terminate().Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Who_has_no_key_gets_nothing_and_is_named_in_the_log()
    {
        using var disk = new Disk("--tls-psk", "keys/keys.psk");
        string others = disk.Folder["others"];
        WriteKeys(others, "alice:00112233445566778899aabbccddeeff\nmallory:00112233445566778899aabbccddeeff\n");
        string[] refused = ["alice", "mallory"];
        string[] answers = [.. refused.Select(user => Fail("nbdinfo", disk.Uri(user, others)))];
        // Whether a name is known cannot be told from outside.
        Assert.Single(answers.Distinct());
        Assert.Contains("TLS", answers[0], StringComparison.Ordinal);
        Fail("qemu-img", ["info", .. disk.Qemu("alice", folder: others)]);
        Fail("nbdinfo", $"nbd+unix:///?socket={disk.Folder["s"]}");
        WriteAuthority(disk.Folder["pki"]);
        Fail("nbdinfo", $"nbds+unix:///?socket={disk.Folder["s"]}&tls-certificates={disk.Folder["pki"]}");
        Io(disk.Qemu("alice"), "write -P 1 0 1M", "read -P 1 0 1M");
        (int exitCode, string error) = disk.Server.Terminate();
        Assert.Equal(0, exitCode);
        string[] log = error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        // Who comes in the open is told that it must not, and leaves.
        Assert.Equal(
            [
                "qed: warning: Client 1 was cut off: its name is not known, or it has another key.",
                "qed: warning: Client 2 was cut off: its name is not known, or it has another key.",
                "qed: warning: Client 3 was cut off: its name is not known, or it has another key.",
                "qed: warning: Client 5 was cut off: it offers no pre-shared key and no cipher that are taken here, or left within the handshake.",
            ],
            log);
    }

    [Fact]
    public async Task Several_clients_work_at_once_while_others_are_idle_or_in_the_middle_of_a_handshake()
    {
        using var disk = new Disk("--tls-psk", "keys/keys.psk");
        using PskClient idle = PskClient.Connect(new UnixDomainSocketEndPoint(disk.Folder["s"]));
        idle.Encrypt("bob", Disk.Key);
        using PskClient half = PskClient.Connect(new UnixDomainSocketEndPoint(disk.Folder["s"]));
        half.Send([22, 3, 1, 2, 0, 1, 0]);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(i => Task.Run(() =>
        {
            string at = $"{i * 4}M";
            Io(disk.Qemu("alice"), $"write -P {i + 1} {at} 4M", $"read -P {i + 1} {at} 4M", "flush", $"read -P {i + 1} {at} 4M");
        })));
        Assert.Equal([string.Empty], idle.ListExports());
        Succeed("nbdcopy", "--connections=4", disk.Uri("alice"), disk.Folder["copy"]);
        byte[] copy = File.ReadAllBytes(disk.Folder["copy"]);
        Assert.All(Enumerable.Range(0, 4), i => Assert.Equal(-1, copy.AsSpan(i * (4 << 20), 4 << 20).IndexOfAnyExcept((byte)(i + 1))));
        // Neither holds it up when it ends.
        Assert.Equal(0, disk.Server.Terminate().ExitCode);
    }

    [Fact]
    public void Keys_that_everybody_can_read_are_warned_of()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows' rights are others");
        using var disk = new Disk(UnixFileMode.UserRead | UnixFileMode.OtherRead, "--tls-psk", "keys/keys.psk");
        Assert.Equal("qed: warning: 'keys/keys.psk' has keys that everybody on this machine can get at: chmod o= makes it the server's\n", disk.Server.Terminate().Error);
    }

    private static string Succeed(string program, params string[] arguments)
    {
        Qemu.Result result = Qemu.Run(program, arguments);
        Assert.True(result.ExitCode == 0, result.Output + result.Error);
        return result.Output;
    }

    private static string Fail(string program, params string[] arguments)
    {
        Qemu.Result result = Qemu.Run(program, arguments);
        Assert.NotEqual(0, result.ExitCode);
        return result.Error;
    }

    private static void Io(IReadOnlyList<string> image, params string[] commands)
    {
        string output = Succeed("qemu-io", [.. image, .. commands.SelectMany(command => new[] { "-c", command })]);
        Assert.DoesNotContain("fail", output, StringComparison.Ordinal);
    }

    private static void WriteKeys(string folder, string text)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "keys.psk"), text);
    }

    private static void WriteAuthority(string folder)
    {
        Directory.CreateDirectory(folder);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=somebody", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using X509Certificate2 authority = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        File.WriteAllText(Path.Combine(folder, "ca-cert.pem"), authority.ExportCertificatePem());
    }

    /// <summary>A disk that is served at a socket, and keys for alice and bob.</summary>
    private sealed class Disk : IDisposable
    {
        internal static readonly byte[] Key = RandomNumberGenerator.GetBytes(32);

        internal Disk(params string[] options)
            : this(UnixFileMode.UserRead | UnixFileMode.UserWrite, options)
        {
        }

        internal Disk(UnixFileMode mode, params string[] options)
        {
            Support.Qemu.Require();
            Wine.CannotShow("there are no Unix sockets");
            Assert.SkipUnless(Support.Qemu.TryRun("nbdinfo", ["--version"]) is not null, "nbdinfo is not installed (Debian package libnbd-bin)");
            Folder = new TempFolder();
            string key = Convert.ToHexString(Key);
            WriteKeys(Folder["keys"], $"# who may\n\nalice:{key}\nbob:{key.ToLowerInvariant()}\n");
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(Path.Combine(Folder["keys"], "keys.psk"), mode);
            Support.Qemu.ImgOk("create", "-f", "qed", Folder["disk.qed"], Support.Qemu.Text(Size));
            Server = new ServerProcess(Folder, ["-t", "-e", "8", "-k", "s", .. options, "disk.qed"]);
            Assert.Equal($"Serving 'disk.qed' at nbds+unix:///?socket={Folder["s"]}", Server.ReadLine());
        }

        internal TempFolder Folder { get; }

        internal ServerProcess Server { get; }

        internal string Uri(string user, string? folder = null)
            => $"nbds+unix://{user}@/?socket={Folder["s"]}&tls-psk-file={folder ?? Folder["keys"]}/keys.psk";

        internal string[] Qemu(string user, string? priority = null, string? folder = null)
        {
            string more = priority is null ? string.Empty : ",priority=" + priority;
            return
            [
                "--object", $"tls-creds-psk,id=t,endpoint=client,dir={folder ?? Folder["keys"]},username={user}{more}",
                "--image-opts", $"driver=nbd,server.type=unix,server.path={Folder["s"]},tls-creds=t",
            ];
        }

        public void Dispose()
        {
            Server.Dispose();
            Folder.Dispose();
        }
    }
}
