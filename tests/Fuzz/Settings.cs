using System;
using System.Globalization;

namespace Qed.Tests.Fuzzing;

/// <summary>What is to be tried.</summary>
internal sealed record Settings
{
    internal const string Usage = "Qed.Fuzz [--count N] [--seed S] [--from CASE] [--keep FOLDER] [--every N]";

    /// <summary>How many cases.</summary>
    internal long Count { get; private init; } = 100_000;

    /// <summary>Together with a case's number it decides what is wrong.</summary>
    internal int Seed { get; private init; } = Environment.TickCount & 0xffff;

    /// <summary>The first case's number.</summary>
    internal long From { get; private init; }

    /// <summary>Where the files of failed cases are kept; null to keep none.</summary>
    internal string? Keep { get; private init; }

    /// <summary>Every how many cases QEMU is asked too, where it is installed; 0 for never.</summary>
    internal int QemuEvery { get; private init; } = 499;

    /// <exception cref="FormatException">Something is not understood.</exception>
    internal static Settings Parse(string[] arguments)
    {
        var settings = new Settings();
        for (int i = 0; i < arguments.Length; i += 2)
        {
            string value = i + 1 < arguments.Length ? arguments[i + 1] : throw new FormatException(Usage);
            settings = arguments[i] switch
            {
                "--count" => settings with { Count = Number(value) },
                "--seed" => settings with { Seed = (int)Number(value) },
                "--from" => settings with { From = Number(value) },
                "--keep" => settings with { Keep = value },
                "--every" => settings with { QemuEvery = (int)Number(value) },
                _ => throw new FormatException(Usage),
            };
        }

        return settings;
    }

    private static long Number(string text) => long.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);
}
