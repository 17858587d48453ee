using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Management.Automation;

namespace Qed.PowerShell.Report;

/// <summary>
/// One check report as a page shows it. It is read by the names of its members, so that reports that came from another
/// host, or out of a file, serve as well as live ones.
/// </summary>
internal sealed class ReportRow
{
    private ReportRow(string path) => Path = path;

    /// <summary>The image's path, as the host that checked it names it.</summary>
    internal string Path { get; }

    /// <summary>The name of the file, without its folder, whichever system's separators the path has.</summary>
    internal string Name => Path.Substring(NameStart);

    /// <summary>The folder of the file, with the separator at its end.</summary>
    internal string Folder => Path.Substring(0, NameStart);

    /// <summary>The host that checked it; null for this one.</summary>
    internal string? Host { get; private set; }

    internal string Status { get; private set; } = string.Empty;

    internal bool NeedsCheck { get; private set; }

    internal long TotalClusters { get; private set; }

    internal long AllocatedClusters { get; private set; }

    internal long ZeroClusters { get; private set; }

    internal long LeakedClusters { get; private set; }

    internal ulong LeakedBytes { get; private set; }

    internal long Corruptions { get; private set; }

    internal double Fragmentation { get; private set; }

    internal ulong? FileSize { get; private set; }

    /// <summary>Why there is nothing else to tell of the image; null where it was checked.</summary>
    internal string? Error { get; private set; }

    /// <summary>The findings, a line each.</summary>
    internal IReadOnlyList<string> Issues { get; private set; } = [];

    /// <summary>How urgent it is: 0 where data may be lost, 4 where nothing is to be done.</summary>
    internal int Rank => Status switch
    {
        nameof(CheckStatus.Failed) or nameof(CheckStatus.Corrupt) => 0,
        nameof(CheckStatus.Leaked) => 1,
        _ when NeedsCheck => 2,
        nameof(CheckStatus.Repaired) => 3,
        _ => 4,
    };

    private int NameStart => Path.LastIndexOfAny(['/', '\\']) + 1;

    /// <summary>Reads a report; null where an object is none.</summary>
    internal static ReportRow? From(PSObject report)
    {
        if (Text(report, nameof(CheckReport.Path)) is not { } path || Text(report, nameof(CheckReport.Status)) is not { } status)
            return null;
        return new ReportRow(path)
        {
            Host = Text(report, "PSComputerName"),
            // Out of JSON and XML a status comes as its number.
            Status = Enum.TryParse(status, out CheckStatus known) ? known.ToString() : status,
            NeedsCheck = Value<bool>(report, nameof(CheckReport.NeedsCheck)),
            TotalClusters = Value<long>(report, nameof(CheckReport.TotalClusters)),
            AllocatedClusters = Value<long>(report, nameof(CheckReport.AllocatedClusters)),
            ZeroClusters = Value<long>(report, nameof(CheckReport.ZeroClusters)),
            LeakedClusters = Value<long>(report, nameof(CheckReport.LeakedClusters)),
            LeakedBytes = Value<ulong>(report, nameof(CheckReport.LeakedBytes)),
            Corruptions = Value<long>(report, nameof(CheckReport.Corruptions)),
            Fragmentation = Value<double>(report, nameof(CheckReport.FragmentationPercentage)),
            FileSize = Value<ulong?>(report, nameof(CheckReport.FileSize)),
            Error = Text(report, nameof(CheckReport.Message)),
            Issues = Lines(report.Properties[nameof(CheckReport.Issues)]?.Value),
        };
    }

    private static string? Text(PSObject source, string name)
        => source.Properties[name]?.Value is { } value && LanguagePrimitives.ConvertTo<string>(value) is { Length: > 0 } text ? text : null;

    private static T? Value<T>(PSObject source, string name)
        => source.Properties[name]?.Value is { } value && LanguagePrimitives.TryConvertTo(value, CultureInfo.InvariantCulture, out T found) ? found : default;

    private static string[] Lines(object? issues)
    {
        object? plain = issues is PSObject wrapped ? wrapped.BaseObject : issues;
        return plain is System.Collections.IEnumerable list and not string
            ? list.Cast<object?>().Where(issue => issue is not null).Select(issue => Line(PSObject.AsPSObject(issue!))).ToArray()
            : [];
    }

    private static string Line(PSObject issue)
    {
        string text = issue.ToString();
        return Text(issue, nameof(CheckIssue.Repair)) is { } repair ? $"{text}. A repair would: {repair}" : text;
    }
}
