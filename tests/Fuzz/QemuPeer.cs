using System;
using System.Collections.Generic;
using System.ComponentModel;
using System.Diagnostics;
using System.IO;
using System.Linq;
using Qed.Tests.Support;

namespace Qed.Tests.Fuzzing;

/// <summary>QEMU, which makes further sound images and reads mutants as well: where both read one they read the same, or it is known why not.</summary>
internal sealed class QemuPeer : IDisposable
{
    private const int MostMilliseconds = 20_000;

    private readonly TempFolder _folder = new();
    private readonly SortedDictionary<string, int> _outcomes = [];

    private QemuPeer() => Seeds = [.. QemuSeeds.Make(_folder, arguments => Run("qemu-img", arguments), arguments => Run("qemu-io", arguments))];

    internal IReadOnlyList<FuzzSeed> Seeds { get; }

    internal string Summary => "QEMU: " + string.Join(", ", _outcomes.Select(outcome => $"{outcome.Key} {outcome.Value}"));

    /// <summary>Null where it is not installed.</summary>
    internal static QemuPeer? TryFind()
    {
        try
        {
            using Process? process = Process.Start(new ProcessStartInfo("qemu-img", "--version") { RedirectStandardOutput = true });
            process!.WaitForExit();
            return new QemuPeer();
        }
        catch (Win32Exception)
        {
            return null;
        }
    }

    /// <summary>Has QEMU read a mutant.</summary>
    /// <exception cref="FuzzFailure">It reads something else.</exception>
    internal void Compare(Mutant mutant, ReadOnlyTrial reading)
    {
        // Names that lead anywhere are not for a program that follows them.
        if (mutant.HasHostileText || reading.Format.IsGuestBytes)
            return;
        string work = Directory.CreateDirectory(_folder["mutant"]).FullName;
        foreach (string name in mutant.Names)
            File.WriteAllBytes(Path.Combine(work, name), mutant[name]);
        string raw = _folder["read.raw"];
        bool isRead = Run("qemu-img", ["convert", "-f", reading.Format.QemuName, "-O", "raw", Path.Combine(work, mutant.Main), raw]);
        Count((isRead, reading.IsReadable) switch
        {
            (true, true) => "read by both",
            (true, false) => "by QEMU only",
            (false, true) => "by us only",
            _ => "by none",
        });
        if (isRead && reading.IsReadable)
            RequireSame(mutant, reading, raw);
    }

    public void Dispose() => _folder.Dispose();

    private void RequireSame(Mutant mutant, ReadOnlyTrial reading, string raw)
    {
        byte[] theirs = File.ReadAllBytes(raw);
        if (reading.Content.SequenceEqual(theirs))
            return;
        string difference = theirs.Length != reading.Content.Length
            ? $"{theirs.Length} bytes and not {reading.Content.Length}"
            : $"something else at {reading.Content.CommonPrefixLength(theirs)}";
        string reason = KnownDisagreements.ReasonFor(mutant, reading, theirs)
            ?? throw new FuzzFailure($"QEMU reads the same, or it is known why not: {difference}");
        Count($"differently because {reason}");
    }

    private void Count(string outcome) => _outcomes[outcome] = _outcomes.GetValueOrDefault(outcome) + 1;

    private bool Run(string program, string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        if (process.WaitForExit(MostMilliseconds))
            return process.ExitCode == 0;
        process.Kill();
        process.WaitForExit();
        Count("without end");
        return false;
    }
}
