using System;
using System.Collections.Generic;

namespace Qed.Tests.Fuzzing;

/// <summary>Makes mutants and tries them, in this process and in memory.</summary>
internal sealed class Fuzzer : IDisposable
{
    private readonly WorkMeter _meter = new();
    private readonly Trial _trial;

    /// <param name="seeds">The sound images.</param>
    /// <param name="randomSeed">Together with a case's number it decides what is wrong.</param>
    /// <param name="isAlone">Whether nothing else runs in this process.</param>
    internal Fuzzer(IReadOnlyList<FuzzSeed> seeds, int randomSeed, bool isAlone)
    {
        Mutator = new Mutator(seeds, randomSeed);
        _trial = new Trial(_meter, isAlone);
    }

    internal Mutator Mutator { get; }

    /// <summary>Operations that came to their end.</summary>
    internal long Done => _trial.Done;

    /// <summary>Operations that refused a mutant.</summary>
    internal long Refused => _trial.Refused;

    /// <summary>The most memory that one has asked for.</summary>
    internal long MostAllocated => _trial.MostSeen;

    /// <summary>Requests of all operations.</summary>
    internal long Requests => _meter.AllRequests;

    /// <summary>Called with each mutant once all went well, and what was found about it.</summary>
    internal Action<Mutant, ReadOnlyTrial>? AfterCase { get; init; }

    /// <summary>Tries one mutant.</summary>
    /// <exception cref="FuzzFailure">A promise did not hold; the message says which, and for what.</exception>
    internal void Run(long number)
    {
        using Mutant mutant = Mutator.Make(number);
        try
        {
            var reading = new ReadOnlyTrial(mutant, new FuzzFiles(mutant, _meter), _meter, _trial);
            reading.Run();
            if (mutant.Seed.Format.IsChangedInPlace)
                new QedTrial(mutant, new FuzzFiles(mutant, _meter), _meter, _trial).Run();
            AfterCase?.Invoke(mutant, reading);
        }
        catch (FuzzFailure failure)
        {
            throw new FuzzFailure($"{mutant}: {failure.Message}", failure);
        }
    }

    public void Dispose() => _meter.Dispose();
}
