using System;

namespace Qed.Operations;

/// <summary>How <see cref="DetachImage"/> works.</summary>
public sealed record DetachImageOptions
{
    /// <summary>How fast the backing file is read at most, in bytes a second and at least 1; null as fast as it goes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is smaller than 1.</exception>
    public long? MaximumBytesPerSecond
    {
        get;
        init => field = value is null or >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "Copying must go on.");
    }
}
