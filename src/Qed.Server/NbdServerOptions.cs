using System;

namespace Qed.Server;

/// <summary>How an <see cref="NbdServer"/> listens, and when it ends.</summary>
public sealed record NbdServerOptions
{
    /// <summary>Where it listens.</summary>
    public required NbdAddress Address { get; init; }

    /// <summary>Clients that are served at once, 1 to 65,536; more wait until one leaves. 1 unless set, as with qemu-nbd.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value lies outside these bounds.</exception>
    public int MaximumClients
    {
        get;
        init => field = value is >= 1 and <= 65536 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "1 to 65,536 clients can be served at once.");
    } = 1;

    /// <summary>Whether the server goes on when its last client has left.</summary>
    public bool IsPersistent { get; init; }

    /// <summary>How connections are encrypted; null where they are not.</summary>
    public NbdTls? Tls { get; init; }

    /// <summary>How long a client may take to say what it wants.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long clients may take, once the server stops, to receive the replies to what they have sent.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(10);
}
