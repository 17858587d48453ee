using System;

namespace Qed.Tests.Fuzzing;

/// <summary>Runs operations over a mutant, each of which may refuse it, with an error of ours, and nothing else.</summary>
/// <param name="meter">Bounds the work of each.</param>
/// <param name="isAlone">Whether nothing else runs in this process, so that what other threads allocate is this trial's.</param>
internal sealed class Trial(WorkMeter meter, bool isAlone)
{
    /// <summary>The most memory that an operation may ask for, all in all.</summary>
    private const long MostAllocated = 256L << 20;

    /// <summary>The operations that came to an end, and those that refused.</summary>
    internal long Done { get; private set; }

    /// <summary>As <see cref="Done"/>.</summary>
    internal long Refused { get; private set; }

    /// <summary>The most that an operation has asked for so far.</summary>
    internal long MostSeen { get; private set; }

    /// <summary>The error of the last operation; null where it came to its end.</summary>
    internal DiskImageException? Error { get; private set; }

    /// <summary>Runs one operation.</summary>
    /// <param name="operation">Which one.</param>
    /// <param name="action">Does it.</param>
    /// <param name="mayExist">Whether it may refuse because of a file that is there.</param>
    /// <returns>Whether it came to its end.</returns>
    internal bool Run(string operation, Action action, bool mayExist = false)
    {
        meter.Begin();
        Error = null;
        long before = Allocated();
        try
        {
            action();
            Done++;
        }
        catch (DiskImageException error)
        {
            RequireOwn(operation, error, mayExist);
            Error = error;
            Refused++;
        }
        catch (OperationCanceledException) when (meter.Stop.IsCancellationRequested)
        {
            // It was long, and it stopped when it was told to.
            Refused++;
            return false;
        }
        catch (Exception error)
        {
            throw new FuzzFailure($"{operation}: {error.GetType().Name}: {error.Message}", error);
        }

        meter.RequireBounded();
        long allocated = Allocated() - before;
        MostSeen = Math.Max(MostSeen, allocated);
        if (allocated > MostAllocated)
            throw new FuzzFailure($"{operation}: {allocated >> 20} MiB were allocated");
        return Error is null;
    }

    private static void RequireOwn(string operation, DiskImageException error, bool mayExist)
    {
        // Nothing here is in use, denied or there already, and nobody has cancelled anything.
        bool isTrue = error.Kind is not (ErrorKind.ImageInUse or ErrorKind.ImageExists or ErrorKind.AccessDenied or ErrorKind.OperationCanceled or ErrorKind.NotEnoughSpace) || (mayExist && error.Kind == ErrorKind.ImageExists);
        if (!isTrue || error.Rule.Length == 0)
            throw new FuzzFailure($"{operation}: {error.Kind}: {error.Message}", error);
    }

    private long Allocated() => isAlone ? GC.GetTotalAllocatedBytes(precise: false) : GC.GetAllocatedBytesForCurrentThread();
}
