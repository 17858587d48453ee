using System.Collections.Generic;
using System.IO;
using System.Linq;
using Qed.Server;
using Qed.Tool.CommandLine;
using Qed.Tool.PreSharedKeys;

namespace Qed.Tool.Commands;

/// <summary>One of QEMU's objects that say how connections are encrypted, in QEMU's words where it has some.</summary>
/// <param name="Id">The name by which <c>--tls-creds</c> asks for it.</param>
/// <param name="Tls">What it says.</param>
internal sealed record TlsObject(string Id, NbdTls Tls)
{
    private const string Certificates = "tls-creds-x509";
    private const string Keys = "tls-creds-psk";

    private static readonly string[] Known = ["id", "dir", "endpoint", "verify-peer"];

    /// <summary>Reads the value of <c>--object</c>.</summary>
    /// <exception cref="UsageException">It is none that is known here, or for a client, or lacks something.</exception>
    internal static TlsObject Parse(string text)
    {
        (string Name, string? Value)[] items = [.. OptionList.Parse(text)];
        string type = items[0] switch
        {
            (var name, null) => name,
            ("qom-type", { } name) => name,
            _ => throw new UsageException($"an object begins with its type: {Certificates} or {Keys}"),
        };
        if (type is not (Certificates or Keys))
            throw new UsageException($"objects of the type '{type}' are not there: {Certificates} and {Keys} are");
        if (items.Skip(1).FirstOrDefault(item => item.Value is null || !Known.Contains(item.Name)).Name is { } unknown)
            throw new UsageException($"an object of the type {type} takes {string.Join(", ", Known)} here, each with a value, and not '{unknown}'");
        // The last of several, as everywhere.
        Dictionary<string, string> properties = items.Skip(1).GroupBy(item => item.Name).ToDictionary(same => same.Key, same => same.Last().Value!);
        string id = properties.GetValueOrDefault("id") ?? throw new UsageException("Parameter 'id' is missing");
        string folder = properties.GetValueOrDefault("dir") ?? throw new UsageException("Missing 'dir' property value");
        // QEMU's objects are a client's unless they say otherwise.
        if (properties.GetValueOrDefault("endpoint") != "server")
            throw new UsageException("Expecting TLS credentials with a server endpoint");
        bool verifies = Switch(properties.GetValueOrDefault("verify-peer", "on"));
        return new TlsObject(id, type == Keys ? new PskTls(Path.Combine(folder, "keys.psk")) : new NbdCertificates { CertificateFolder = folder, VerifiesClients = verifies });
    }

    private static bool Switch(string text) => text switch
    {
        "on" or "yes" or "true" or "y" => true,
        "off" or "no" or "false" or "n" => false,
        _ => throw new UsageException("Parameter 'verify-peer' expects 'on' or 'off'"),
    };
}
