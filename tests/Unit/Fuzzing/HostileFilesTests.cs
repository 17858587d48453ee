using System;
using System.Collections.Generic;
using System.Linq;
using Xunit;

namespace Qed.Tests.Fuzzing;

/// <summary>
/// Whatever stands in a file, work on it is bounded, ends with what it should or with an error of ours, opens nothing that it must not, and
/// writes nothing where it only reads. <c>build.ps1 Fuzz</c> tries more of the same.
/// </summary>
public sealed class HostileFilesTests
{
    private const int Seed = 20261129;
    private const int Cases = 10_000;

    [Fact]
    public void Whatever_is_wrong_with_a_file_no_promise_is_broken()
    {
        using var fuzzer = new Fuzzer(FuzzSeeds.Own, Seed, isAlone: false);
        // The numbers are spread over all seeds and fields, however few there are.
        for (long number = 0; number < Cases; number++)
            fuzzer.Run(number);
        // Most of them are looked at closely, and not refused at the door.
        Assert.True(fuzzer.Done > 3 * Cases, $"{fuzzer.Done} operations came to their end");
        Assert.True(fuzzer.Refused > Cases, $"{fuzzer.Refused} operations were refused");
    }

    [Fact]
    public void A_sound_image_of_each_kind_passes_all_of_it()
    {
        using var meter = new WorkMeter();
        foreach (FuzzSeed seed in FuzzSeeds.Own)
        {
            for (long number = 0; number < 34; number++)
            {
                var trial = new Trial(meter, isAlone: false);
                using var mutant = new Mutant(seed, number);
                var reading = new ReadOnlyTrial(mutant, new FuzzFiles(mutant, meter), meter, trial);
                reading.Run();
                Assert.True(reading.IsReadable && trial.Refused == 0, $"{seed}: {trial.Error?.Message}");
            }
        }
    }

    [Fact]
    public void A_case_is_the_same_whenever_it_is_tried()
    {
        var mutator = new Mutator(FuzzSeeds.Own, Seed);
        for (long number = 0; number < 300; number++)
        {
            using Mutant first = mutator.Make(number);
            using Mutant second = new Mutator(FuzzSeeds.Own, Seed).Make(number);
            Assert.Equal(first.ToString(), second.ToString());
            Assert.All(first.Names, name => Assert.True(first[name].SequenceEqual(second[name])));
        }
    }

    [Fact]
    public void Every_structure_of_every_format_is_reached()
    {
        Dictionary<string, int> fields = FuzzSeeds.Own.GroupBy(seed => seed.Format.Name)
            .ToDictionary(seeds => seeds.Key, seeds => seeds.SelectMany(seed => seed.Fields).Select(field => field.Name).Distinct().Count());
        Assert.All(fields.Where(pair => pair.Key != "raw"), pair => Assert.True(pair.Value >= 20, $"{pair.Key}: {pair.Value}"));
        Assert.Equal(7, fields.Count);
    }
}
