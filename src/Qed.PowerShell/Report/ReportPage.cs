using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Net;
using System.Security.Cryptography;
using System.Text;

namespace Qed.PowerShell.Report;

/// <summary>
/// Writes check reports as one HTML page that needs nothing but itself: style and script are inside, and its policy lets
/// a browser run this script and fetch nothing. All that comes from images, their names above all, is text to it.
/// </summary>
internal sealed class ReportPage
{
    private const int MostUrgent = 20;
    private const int MostIssues = 50;

    private readonly TextWriter _page;
    private readonly ReportRow[] _rows;

    private ReportPage(TextWriter page, IEnumerable<ReportRow> rows)
    {
        _page = page;
        _rows = rows.OrderBy(row => row.Rank).ThenByDescending(row => row.Corruptions).ThenByDescending(row => row.LeakedBytes)
            .ThenBy(row => row.Path, StringComparer.OrdinalIgnoreCase).ToArray();
    }

    /// <summary>Writes a page.</summary>
    /// <param name="page">Receives it.</param>
    /// <param name="rows">The reports, in any order.</param>
    /// <param name="title">Its heading.</param>
    /// <param name="time">When the images were checked.</param>
    internal static void Write(TextWriter page, IEnumerable<ReportRow> rows, string title, DateTimeOffset time)
        => new ReportPage(page, rows).Write(title, time);

    private void Write(string title, DateTimeOffset time)
    {
        string script = Resource("report.js");
        _page.Write("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        _page.Write($"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{HashOf(script)}'\">\n");
        _page.Write("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        _page.Write($"<title>{Escape(title)}</title>\n<style>\n{Resource("report.css")}</style>\n</head>\n<body>\n");
        WriteTotals(title, time);
        WriteUrgent();
        WriteTable();
        _page.Write("<footer>Made by Export-QedReport. Leaked space is lost until a repair; corrupt images may have lost data.</footer>\n");
        _page.Write($"<script>{script}</script>\n</body>\n</html>\n");
    }

    private void WriteTotals(string title, DateTimeOffset time)
    {
        int bad = _rows.Count(row => row.Rank == 0);
        int warn = _rows.Count(row => row.Rank is 1 or 2);
        ulong leaked = _rows.Aggregate(0UL, (sum, row) => sum + row.LeakedBytes);
        double fragments = _rows.Length == 0 ? 0 : _rows.Average(row => row.Fragmentation);
        _page.Write($"<header><h1>{Escape(title)}</h1><p class=\"quiet\">{Escape(time.ToString("f", CultureInfo.CurrentCulture))}</p></header>\n");
        _page.Write("<section class=\"cards\" aria-label=\"Totals\">\n");
        WriteCard("Images", Number(_rows.Length), null);
        WriteCard("Corrupt or unreadable", Number(bad), bad > 0 ? "bad" : null);
        WriteCard("Leaking or unchecked", Number(warn), warn > 0 ? "warn" : null);
        WriteCard("In order", Number(_rows.Length - bad - warn), "good");
        WriteCard("Leaked space", ByteSize.Format(leaked), leaked > 0 ? "warn" : null);
        WriteCard("Mean fragmentation", Percent(fragments), null);
        _page.Write("</section>\n<div class=\"share\" role=\"img\" aria-label=\"Shares of the images by state\">");
        WriteBarPart("bad", bad, _rows.Length);
        WriteBarPart("warn", warn, _rows.Length);
        WriteBarPart("good", _rows.Length - bad - warn, _rows.Length);
        _page.Write("</div>\n");
    }

    private void WriteCard(string label, string value, string? look)
        => _page.Write($"<div class=\"card\"><b{(look is null ? null : $" class=\"{look}\"")}>{Escape(value)}</b>{Escape(label)}</div>\n");

    private void WriteUrgent()
    {
        ReportRow[] urgent = _rows.Where(row => row.Rank < 3).ToArray();
        _page.Write("<h2>What needs attention first</h2>\n");
        if (urgent.Length == 0)
        {
            _page.Write("<p>Nothing: every image is in order.</p>\n");
            return;
        }

        _page.Write("<ol class=\"urgent\">\n");
        foreach (ReportRow row in urgent.Take(MostUrgent))
            _page.Write($"<li><bdi>{Escape(row.Path)}</bdi>{HostOf(row)}: {Escape(Reason(row))}</li>\n");
        _page.Write("</ol>\n");
        if (urgent.Length > MostUrgent)
            _page.Write($"<p class=\"quiet\">and {Number(urgent.Length - MostUrgent)} more, first in the table.</p>\n");
    }

    private void WriteTable()
    {
        _page.Write("<h2>All images</h2>\n<div class=\"tools\"><input type=\"search\" id=\"search\" placeholder=\"Search names, states, findings\" aria-label=\"Search\">");
        _page.Write("<span id=\"count\" class=\"quiet\" role=\"status\"></span>");
        _page.Write("<span class=\"key quiet\"><i class=\"data\"></i>data<i class=\"zero\"></i>zeroes<i class=\"leak\"></i>leaked<i class=\"free\"></i>not allocated</span></div>\n");
        _page.Write("<div class=\"scroll\"><table id=\"images\">\n<thead><tr>");
        foreach ((string label, bool isNumber) in new[]
        {
            ("Image", false), ("State", true), ("Corruptions", true), ("Leaked", true), ("Allocated", true), ("Fragmented", true), ("File size", true),
        })
        {
            _page.Write($"<th scope=\"col\"{(isNumber ? " data-type=\"number\"" : null)}><button type=\"button\">{label}</button></th>");
        }

        _page.Write("</tr></thead>\n<tbody>\n");
        foreach (ReportRow row in _rows)
            WriteRow(row);
        _page.Write("</tbody></table></div>\n");
    }

    private void WriteRow(ReportRow row)
    {
        string look = row.Rank switch { 0 => "bad", 1 or 2 => "warn", _ => "good" };
        double used = row.TotalClusters == 0 ? 0 : 100.0 * row.AllocatedClusters / row.TotalClusters;
        _page.Write($"<tr><td class=\"name\" data-key=\"{Escape(row.Path)}\"><bdi>{Escape(row.Name)}</bdi>{HostOf(row)}<span class=\"folder\"><bdi>{Escape(row.Folder)}</bdi></span>");
        WriteIssues(row);
        _page.Write($"</td><td class=\"status {look}\" data-key=\"{4 - row.Rank}\">{Escape(StateOf(row))}</td>");
        _page.Write($"<td class=\"number\" data-key=\"{Key(row.Corruptions)}\">{Number(row.Corruptions)}</td>");
        _page.Write($"<td class=\"number\" data-key=\"{Key(row.LeakedBytes)}\">{Escape(ByteSize.Format(row.LeakedBytes))}</td>");
        _page.Write($"<td data-key=\"{Key(used)}\">{Percent(used)}<div class=\"bar\" role=\"img\" aria-label=\"Allocation\">");
        long whole = Math.Max(1, Math.Max(row.TotalClusters, row.AllocatedClusters + row.ZeroClusters + row.LeakedClusters));
        WriteBarPart("data", row.AllocatedClusters, whole);
        WriteBarPart("zero", row.ZeroClusters, whole);
        WriteBarPart("leak", row.LeakedClusters, whole);
        _page.Write($"</div></td><td data-key=\"{Key(row.Fragmentation)}\">{Percent(row.Fragmentation)}<div class=\"bar fragments\" role=\"img\" aria-label=\"Fragmentation\">");
        WriteBarPart("leak", (long)(row.Fragmentation * 100), 10_000);
        _page.Write($"</div></td><td class=\"number\" data-key=\"{Key(row.FileSize ?? 0)}\">{Escape(ByteSize.Format(row.FileSize))}</td></tr>\n");
    }

    private void WriteIssues(ReportRow row)
    {
        if (row.Error is { } error)
            _page.Write($"<p class=\"bad\">{Escape(error)}</p>");
        if (row.Issues.Count == 0)
            return;
        _page.Write($"<details><summary>{Count(row.Issues.Count, "finding")}</summary><ul>");
        foreach (string issue in row.Issues.Take(MostIssues))
            _page.Write($"<li>{Escape(issue)}</li>");
        if (row.Issues.Count > MostIssues)
            _page.Write($"<li>and {Number(row.Issues.Count - MostIssues)} more</li>");
        _page.Write("</ul></details>");
    }

    private void WriteBarPart(string look, long part, long whole)
    {
        if (part > 0 && whole > 0)
            _page.Write($"<i class=\"{look}\" style=\"width:{(100.0 * part / whole).ToString("0.###", CultureInfo.InvariantCulture)}%\"></i>");
    }

    private static string HostOf(ReportRow row) => row.Host is { } host ? $" <span class=\"quiet\">on {Escape(host)}</span>" : string.Empty;

    private static string StateOf(ReportRow row) => row.NeedsCheck ? row.Status + ", not closed cleanly" : row.Status;

    private static string Reason(ReportRow row)
        => row.Error
            ?? (row.Corruptions > 0 ? Count(row.Corruptions, "corruption")
                : row.LeakedClusters > 0 ? $"{ByteSize.Format(row.LeakedBytes)} leaked"
                : row.NeedsCheck ? "not closed cleanly" : row.Status);

    private static string Number(long value) => value.ToString("N0", CultureInfo.CurrentCulture);

    private static string Count(long count, string what) => $"{Number(count)} {what}{(count == 1 ? null : "s")}";

    private static string Percent(double value) => value.ToString("0.#", CultureInfo.CurrentCulture) + " %";

    private static string Key(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);

    /// <summary>A text that is nothing but text in HTML; what a browser would hide or obey is shown by its number.</summary>
    private static string Escape(string text)
    {
        var shown = new StringBuilder(text.Length);
        foreach (char letter in text)
        {
            if (char.IsControl(letter) || CharUnicodeInfo.GetUnicodeCategory(letter) is UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator)
                shown.Append("\\u").Append(((int)letter).ToString("x4", CultureInfo.InvariantCulture));
            else
                shown.Append(letter);
        }

        return WebUtility.HtmlEncode(shown.ToString());
    }

    private static string HashOf(string script)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(script);
#if NET
        return Convert.ToBase64String(SHA256.HashData(bytes));
#else
        using SHA256 hash = SHA256.Create();
        return Convert.ToBase64String(hash.ComputeHash(bytes));
#endif
    }

    private static string Resource(string name)
    {
        using Stream stream = typeof(ReportPage).Assembly.GetManifestResourceStream("Qed.PowerShell.Report." + name)!;
        using var reader = new StreamReader(stream, Encoding.UTF8);
        // A browser hashes a script with the line ends that it reads: a checkout may have others.
        return reader.ReadToEnd().Replace("\r\n", "\n");
    }
}
