using System;
using System.IO;
using Qed.Server;

namespace Qed.Tool.PreSharedKeys;

/// <summary>Connections that are encrypted by keys that both sides have, each by its user's name: GnuTLS's file of keys, as psktool writes it.</summary>
/// <param name="KeyFile">The file.</param>
internal sealed record PskTls(string KeyFile) : NbdTls
{
    /// <summary>Whether everybody on this machine can read, or write, the keys. Windows is not asked.</summary>
    internal bool IsOpenToAll
        => !OperatingSystem.IsWindows() && File.Exists(KeyFile) && (File.GetUnixFileMode(KeyFile) & (UnixFileMode.OtherRead | UnixFileMode.OtherWrite)) != 0;

    /// <inheritdoc/>
    public override NbdTlsIdentity Load() => new PskIdentities(PskFile.Read(KeyFile));
}
