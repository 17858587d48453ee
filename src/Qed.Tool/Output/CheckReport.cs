using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.Json;
using Qed.Operations;
using static Qed.Tool.Output.Digits;

namespace Qed.Tool.Output;

/// <summary>What a check, and the repair before it, is told about, as qemu-img writes it.</summary>
internal sealed record CheckReport
{
    internal required CheckResult Check { get; init; }

    internal string FileName { get; init; } = string.Empty;

    internal string Format { get; init; } = string.Empty;

    internal bool WithDetails { get; init; }

    /// <summary>Whether the user has said where the undo file lies.</summary>
    internal bool IsUndoElsewhere { get; init; }

    /// <summary>The repair before the check, or what one would do; null where none was asked for.</summary>
    internal RepairResult? Repair { get; init; }

    private long FixedCorruptions => Repair?.FixedCorruptions ?? 0;

    private long FixedLeaks => Repair?.FixedLeaks ?? 0;

    private IEnumerable<string> Changes => Repair?.Changes.Select(change => change.Description) ?? [];

    private string? UndoPath => Repair is { IsPlan: false } done ? done.UndoPath : null;

    internal void WriteText(TextWriter output)
    {
        if (Repair is { IsPlan: false, Changes.Count: > 0 })
            WriteRepair(output);
        WriteFindings(output);
        if (WithDetails)
            WriteDetails(output);
    }

    internal void WriteJson(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        Positive(json, "total-clusters", Check.TotalClusters);
        Positive(json, "corruptions", Check.Corruptions);
        Positive(json, "corruptions-fixed", FixedCorruptions);
        json.WriteNumber("check-errors", 0);
        Positive(json, "leaks", Check.LeakedClusters);
        Positive(json, "leaks-fixed", FixedLeaks);
        Positive(json, "allocated-clusters", Check.AllocatedClusters);
        json.WriteString("filename", FileName);
        json.WriteString("format", Format);
        Positive(json, "fragmented-clusters", Check.FragmentedClusters);
        Positive(json, "free-clusters", Check.FreeClusters);
        if (UndoPath is not null)
            json.WriteString("undo-filename", UndoPath);
        if (Check.UnfinishedUndoPath is not null)
            json.WriteString("unfinished-undo-filename", Check.UnfinishedUndoPath);
        if (WithDetails)
            WriteDetails(json);
        json.WriteEndObject();
    }

    private void WriteRepair(TextWriter output)
    {
        if (FixedCorruptions > 0 || FixedLeaks > 0)
        {
            output.WriteLine("The following inconsistencies were found and repaired:");
            output.WriteLine();
            output.WriteLine($"    {Number(Math.Max(0, FixedLeaks))} leaked clusters");
            output.WriteLine($"    {Number(Math.Max(0, FixedCorruptions))} corruptions");
            output.WriteLine();
        }
        else if (!WithDetails)
        {
            // What was changed although nothing was wrong is too rare to be counted, and nothing is changed without a word.
            foreach (string change in Changes)
                output.WriteLine("Repair: " + change);
        }

        if (UndoPath is not null)
        {
            output.WriteLine(IsUndoElsewhere
                ? $"'qed check --undo --undo-path {UndoPath}' puts the image back."
                : $"'qed check --undo' puts the image back; what it needs is in '{UndoPath}'.");
        }

        if (FixedCorruptions > 0 || FixedLeaks > 0)
            output.WriteLine("Double checking the fixed image now...");
    }

    private void WriteFindings(TextWriter output)
    {
        if (Check.IsClean)
            output.WriteLine("No errors were found on the image.");
        if (Check.TailBytes > 0 && Check.Corruptions == 0)
            output.WriteLine($"{Number(Check.TailBytes)} bytes at the end of the file are no whole cluster, and of no use.");
        if (Check.Corruptions > 0)
        {
            output.WriteLine();
            output.WriteLine($"{Number(Check.Corruptions)} errors were found on the image.");
            output.WriteLine("Data may be corrupted, or further writes to the image may corrupt it.");
        }

        if (Check.LeakedClusters > 0)
        {
            output.WriteLine();
            output.WriteLine($"{Number(Check.LeakedClusters)} leaked clusters were found on the image.");
            output.WriteLine("This means waste of disk space, but no harm to data.");
        }

        if (Check.FreeClusters > 0)
            output.WriteLine($"{Number(Check.FreeClusters)} clusters of the file are free; they take no disk space and are used again.");
        if (Check.TotalClusters > 0 && Check.AllocatedClusters > 0)
        {
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{Check.AllocatedClusters}/{Check.TotalClusters} = {Share(Check.AllocatedClusters, Check.TotalClusters):F2}% allocated, {Check.FragmentationPercentage:F2}% fragmented, 0.00% compressed clusters"));
        }
    }

    private void WriteDetails(TextWriter output)
    {
        output.WriteLine($"Image end offset: {Number(Check.EndOfUse)}");
        foreach (ImageIssue issue in Check.Issues)
            output.WriteLine($"{issue.Kind}: {Place(issue)}; a repair would: {issue.Repair}");
        foreach (string change in Changes)
            output.WriteLine("Repair: " + change);
    }

    private void WriteDetails(Utf8JsonWriter json)
    {
        Positive(json, "image-end-offset", Check.EndOfUse);
        json.WriteStartArray("issues");
        foreach (ImageIssue issue in Check.Issues)
        {
            json.WriteStartObject();
            json.WriteString("kind", issue.Kind.ToString());
            Known(json, "l1-index", issue.L1Index);
            Known(json, "l2-index", issue.L2Index);
            Known(json, "guest-offset", issue.GuestOffset);
            Known(json, "host-offset", issue.HostOffset);
            json.WriteNumber("clusters", issue.Clusters);
            json.WriteString("repair", issue.Repair);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("changes");
        foreach (string change in Changes)
            json.WriteStringValue(change);
        json.WriteEndArray();
    }

    private static string Place(ImageIssue issue)
    {
        var parts = new List<string>();
        void Add(string name, long? value)
        {
            if (value is { } number)
                parts.Add($"{name} {Number(number)}");
        }

        Add("L1 entry", issue.L1Index);
        Add("L2 entry", issue.L2Index);
        Add("guest offset", issue.GuestOffset);
        Add("host offset", issue.HostOffset);
        Add("clusters", issue.Clusters > 1 ? issue.Clusters : null);
        return string.Join(", ", parts);
    }

    private static void Positive(Utf8JsonWriter json, string name, long value) => Known(json, name, value > 0 ? value : null);

    private static void Known(Utf8JsonWriter json, string name, long? value)
    {
        if (value is { } number)
            json.WriteNumber(name, number);
    }

    private static double Share(long part, long whole) => 100.0 * part / whole;
}
