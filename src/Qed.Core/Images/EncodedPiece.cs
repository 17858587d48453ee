using System;
using Qed.Units;

namespace Qed.Images;

/// <summary>Guest bytes in the form in which a format stores them, compressed say; made by one worker while others go on.</summary>
internal abstract class EncodedPiece(GuestOffset offset, int length) : IDisposable
{
    /// <summary>Where the bytes lie on the guest's disk.</summary>
    internal GuestOffset Offset { get; } = offset;

    /// <summary>How many guest bytes they are.</summary>
    internal int Length { get; } = length;

    /// <summary>Gives buffers back.</summary>
    public abstract void Dispose();
}
