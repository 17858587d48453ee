using System;
using System.Globalization;
using System.Linq;

namespace Qed.Benchmarks;

/// <summary>What importing the module and answering the first cmdlet costs on top of an empty PowerShell.</summary>
internal static class ImportRow
{
    private const int Runs = 9;

    internal static void Run()
    {
        if (PowerShellHost.Find() is not { } host)
        {
            Console.WriteLine("| import the module | skipped: no assembled module | | | | |");
            return;
        }

        string image = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"qed-bench-{Environment.ProcessId.ToString(CultureInfo.InvariantCulture)}.qed");
        Operations.CreateImage.Run(new Operations.CreateImageOptions { Path = image, Size = 1L << 30 });
        try
        {
            double[] extra = new double[Runs];
            double empty = 0;
            for (int i = -1; i < Runs; i++)
            {
                empty = SideBySide.Time(host.RunEmpty);
                double full = SideBySide.Time(() => host.Run($"$null = Get-QedImageInfo -LiteralPath '{image}'"));
                if (i >= 0)
                    extra[i] = full - empty;
            }

            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| import the module, first cmdlet answered | {SideBySide.Median(extra):0.000} on top | {empty:0.000} empty start | | {extra.Min():0.000}..{extra.Max():0.000} | 0.150 on top |"));
        }
        finally
        {
            System.IO.File.Delete(image);
        }
    }
}
