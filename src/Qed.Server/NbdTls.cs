namespace Qed.Server;

/// <summary>How connections are encrypted, and who may come: with <see cref="NbdCertificates"/>, or however a program has it.</summary>
public abstract record NbdTls
{
    /// <summary>Whether a client that does not ask for TLS is told that it must, and gets nothing else.</summary>
    public bool IsRequired { get; init; } = true;

    /// <summary>Reads what it takes, once for each server, when that is made.</summary>
    /// <exception cref="DiskImageException">ImageNotFound, AccessDenied, ImageNotRecognized: a file is not there, cannot be read, or is none.</exception>
    public abstract NbdTlsIdentity Load();
}
