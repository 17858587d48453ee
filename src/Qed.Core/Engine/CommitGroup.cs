using System;
using System.Threading;

namespace Qed.Engine;

/// <summary>
/// Lets many who want the same thing done have it done once. Those who come while it is being done wait together for the next
/// time; one of them does it for all, and all go on, or fail, together.
/// </summary>
/// <remarks>The group is closed before its work begins, so what each had done before it came is part of the work.</remarks>
internal sealed class CommitGroup
{
    private readonly object _lock = new();
    private Group _next = new();
    private bool _isBusy;

    /// <summary>Returns once the work was done after this call began.</summary>
    /// <returns>Whether it was done by this call, for all others.</returns>
    internal bool Run(Action work)
    {
        Group group;
        lock (_lock)
        {
            group = _next;
            while (_isBusy && !group.IsDone)
                Monitor.Wait(_lock);
            if (group.IsDone)
                return group.Error is null ? false : throw Copy(group.Error);
            _isBusy = true;
            _next = new Group();
        }

        try
        {
            work();
        }
        catch (Exception error)
        {
            group.Error = error;
            throw;
        }
        finally
        {
            lock (_lock)
            {
                group.IsDone = true;
                _isBusy = false;
                Monitor.PulseAll(_lock);
            }
        }

        return true;
    }

    /// <summary>Each who fails has an error of its own, with its own way through the code.</summary>
    private static Exception Copy(Exception error)
        => error is DiskImageException known ? known.WithRemedy(known.Remedy) : new InvalidOperationException("What was done for several at once has failed.", error);

    private sealed class Group
    {
        internal bool IsDone { get; set; }

        internal Exception? Error { get; set; }
    }
}
