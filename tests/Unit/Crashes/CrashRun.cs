using System;
using System.Globalization;
using Qed.Tests.Support;

namespace Qed.Tests.Crashes;

/// <summary>Does operations one after the other, and looks at what crashes leave.</summary>
internal sealed class CrashRun
{
    private readonly CrashBed _bed;
    private readonly Random _random;
    private readonly CrashInspector _inspector;

    /// <param name="bed">The images.</param>
    /// <param name="seed">Decides of samples.</param>
    /// <param name="every">Of so many new states one is repaired and used, too.</param>
    internal CrashRun(CrashBed bed, int seed, int every)
    {
        _bed = bed;
        _random = new Random(seed);
        _inspector = new CrashInspector(bed, _random, every);
    }

    internal long States => _inspector.States;

    internal long Repaired => _inspector.Repaired;

    internal long Sequences { get; private set; }

    /// <summary>
    /// All sequences of up to some length. Crashes come in the last operation, and in closing after it: those before are
    /// another sequence's, whose end is where this one starts from.
    /// </summary>
    internal void TryAll(int longest) => TryAll([], null, 0, longest);

    /// <summary>One sequence.</summary>
    internal void Try(params CrashOperation[] sequence) => Try(sequence, null, 0);

    private void TryAll(CrashOperation[] before, CrashSubject? start, int done, int longest)
    {
        foreach (CrashOperation next in Enum.GetValues<CrashOperation>())
        {
            CrashOperation[] sequence = [.. before, next];
            CrashSubject? end = Try(sequence, start, done);
            if (sequence.Length == longest)
                continue;
            if (end is not null)
                TryAll(sequence, end, sequence.Length, longest);
            else
                TryAll(sequence, start, done, longest);
        }
    }

    /// <summary>Tries one that goes on from where some of its operations are done.</summary>
    /// <returns>Where the next one may go on from; null where something is not closed.</returns>
    private CrashSubject? Try(CrashOperation[] sequence, CrashSubject? start, int done)
    {
        Sequences++;
        _inspector.Begin();
        CrashSubject subject = start?.TryCopy() ?? new CrashSubject(_bed);
        string where = $"{_bed.Name}: {string.Join(", ", sequence)}";
        try
        {
            foreach (CrashOperation operation in sequence[done..^1])
                subject.Do(operation);
            Look(subject, subject.Do(sequence[^1]), where);
            CrashSubject? end = subject.TryCopy();
            int closing = subject.Log.Count;
            subject.Close();
            Look(subject, closing, where + ", closing");
            return end;
        }
        catch (Exception error) when (error is not CrashException)
        {
            throw CrashReport.Of(subject.Log, where, error: error);
        }
    }

    /// <summary>Many operations by chance, now and then those of several guests at once, with crashes in each of them.</summary>
    /// <param name="steps">How many.</param>
    /// <param name="samples">Crashes that are looked at in each.</param>
    internal void TryRandom(int steps, int samples)
    {
        Sequences++;
        int seed = _random.Next();
        var random = new Random(seed);
        var subject = new CrashSubject(_bed);
        string where = $"{_bed.Name}, sequence {seed}";
        try
        {
            for (int step = 0; step < steps; step++)
            {
                _inspector.Begin();
                int first = DoAny(subject, random);
                LookAtSome(subject, first, random, samples, $"{where}, step {step}");
            }

            int end = subject.Log.Count;
            subject.Close();
            LookAtSome(subject, end, random, samples, where + ", closing");
        }
        catch (Exception error) when (error is not CrashException)
        {
            throw CrashReport.Of(subject.Log, where, error: error);
        }
    }

    private static int DoAny(CrashSubject subject, Random random)
    {
        const int Sectors = 15 * CrashBed.Cluster / 512;
        switch (random.Next(13))
        {
            case 0:
                return subject.RequestAtOnce(random.Next(2, 5), random.Next(5, 20), random.Next(2) == 0 ? 512 : CrashBed.Cluster, random.Next());
            case 1:
                int first = subject.Log.Count;
                subject.Kill();
                return first;
            case < 5:
                subject.NextSize = random.Next(1, 18 * CrashBed.Cluster / 512) * 512;
                return subject.Do(CrashOperation.Resize + random.Next(5));
            default:
                var operation = (CrashOperation)random.Next((int)CrashOperation.Resize);
                return subject.Request(operation, random.Next(Sectors) * 512, random.Next(1, 30) * 512, (byte)random.Next(1, 256));
        }
    }

    private void LookAtSome(CrashSubject subject, int first, Random random, int samples, string where)
    {
        for (int sample = 0; sample < samples; sample++)
        {
            // From the first to the last, so that the log is gone through once.
            int crash = first + ((subject.Log.Count - first) * sample / Math.Max(1, samples - 1));
            Look(subject.Log.CrashAt(crash, random), subject, crash, where);
        }
    }

    /// <summary>Looks at crashes from a change to the last one.</summary>
    private void Look(CrashSubject subject, int first, string where)
    {
        for (int crash = first; crash <= subject.Log.Count; crash++)
        {
            // What was flushed last is looked at anew, as much has become durable with it.
            bool isNewOnly = crash > first && crash < subject.Log.Count;
            foreach (MemoryStorage[] state in subject.Log.StatesAt(crash, isNewOnly, _random))
                Look(state, subject, crash, where);
        }
    }

    private void Look(MemoryStorage[] state, CrashSubject subject, int crash, string where)
    {
        if (_inspector.Look(state, subject, crash) is { } wrong)
            throw CrashReport.Of(subject.Log, string.Create(CultureInfo.InvariantCulture, $"{where}, before change {crash} of {subject.Log.Count}: {wrong}"), state);
    }
}
