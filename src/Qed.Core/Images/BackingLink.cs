using System;
using System.Threading;

namespace Qed.Images;

/// <summary>
/// An image and how many read through it just now, so that it can be let go of in the midst of use: whoever comes later
/// finds nothing, and the last who has found it leaves before it is closed.
/// </summary>
/// <param name="image">The image.</param>
internal sealed class BackingLink(DiskImage image)
{
    private readonly object _gate = new();
    private int _users;
    private volatile bool _isAwaited;

    internal DiskImage Image => image;

    /// <summary>Holds what a field links to, which may be replaced meanwhile.</summary>
    /// <param name="field">The field; null where there is nothing.</param>
    internal static Hold Take(ref BackingLink? field)
    {
        while (Volatile.Read(ref field) is { } link)
        {
            Interlocked.Increment(ref link._users);
            if (Volatile.Read(ref field) == link)
                return new Hold(link);
            // It was let go of just now, and perhaps nobody waits for this user.
            link.Leave();
        }

        return default;
    }

    /// <summary>Returns when nobody uses it, once the field leads to it no more.</summary>
    internal void AwaitUnused()
    {
        lock (_gate)
        {
            _isAwaited = true;
            while (Volatile.Read(ref _users) > 0)
                Monitor.Wait(_gate);
        }
    }

    private void Leave()
    {
        if (Interlocked.Decrement(ref _users) > 0 || !_isAwaited)
            return;
        lock (_gate)
            Monitor.PulseAll(_gate);
    }

    /// <summary>An image that is in use until this is disposed, once.</summary>
    internal readonly struct Hold(BackingLink? link) : IDisposable
    {
        /// <summary>The image; null where there is none.</summary>
        internal DiskImage? Image => link?.Image;

        public void Dispose() => link?.Leave();
    }
}
