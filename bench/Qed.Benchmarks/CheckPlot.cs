using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using ScottPlot;

namespace Qed.Benchmarks;

/// <summary>Draws the table of docs/check.md: time over size, both on logarithmic axes.</summary>
internal static class CheckPlot
{
    internal static void Save(string path, IReadOnlyList<CheckTable.Row> rows)
    {
        var plot = new Plot();
        foreach (bool isCold in new[] { false, true })
        {
            CheckTable.Row[] series = rows.Where(row => row.IsCold == isCold).OrderBy(row => row.Size).ToArray();
            if (series.Length == 0)
                continue;
            string cache = isCold ? "cold cache" : "warm cache";
            // Shades, not dashes, which the SVG writer does not know.
            Add(plot, series, row => row.Ours, "Test-QedImage, " + cache, isCold ? Colors.LightSkyBlue : Colors.Blue);
            Add(plot, series, row => row.Peer, "qemu-img check, " + cache, isCold ? Colors.Orange : Colors.OrangeRed);
        }

        plot.Title("Check of an image with every cluster allocated in random order");
        plot.XLabel("size of the guest's disk");
        plot.YLabel("seconds");
        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericManual(
            rows.Select(row => row.Size).Distinct().Select(size => new Tick(Math.Log10(size), SizeText(size))).ToArray());
        plot.Axes.Left.TickGenerator = new ScottPlot.TickGenerators.NumericManual(
            Enumerable.Range(-3, 6).Select(power => new Tick(power, Math.Pow(10, power).ToString(CultureInfo.InvariantCulture))).ToArray());
        plot.ShowLegend(Alignment.UpperLeft);
        plot.SaveSvg(path, 760, 460);
    }

    private static void Add(Plot plot, CheckTable.Row[] rows, Func<CheckTable.Row, double> value, string label, Color color)
    {
        var line = plot.Add.Scatter(
            rows.Select(row => Math.Log10(row.Size)).ToArray(),
            rows.Select(row => Math.Log10(value(row))).ToArray(),
            color);
        line.LegendText = label;
        line.LineWidth = 2;
        line.MarkerSize = 7;
    }

    private static string SizeText(long size)
        => size >= 1L << 40 ? $"{size >> 40} TiB" : $"{size >> 30} GiB";
}
