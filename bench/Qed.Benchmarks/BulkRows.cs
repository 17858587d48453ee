using System;
using System.Globalization;
using System.IO;
using Qed.Operations;

namespace Qed.Benchmarks;

/// <summary>Thousands of small images: our cmdlets in one PowerShell against a process of qemu-img for each, two at a time.</summary>
internal static class BulkRows
{
    private const int Count = 10_000;

    internal static void Run(string folder)
    {
        if (PowerShellHost.Find() is not { } host)
        {
            Console.WriteLine("| info and check over 10,000 small images | skipped: no assembled module | | | | |");
            return;
        }

        string images = Directory.CreateDirectory(Path.Combine(folder, "small")).FullName;
        string model = Path.Combine(images, "0.qed");
        CreateImage.Run(new CreateImageOptions { Path = model, Size = 1L << 30 });
        for (int i = 1; i < Count; i++)
            File.Copy(model, Path.Combine(images, i.ToString(CultureInfo.InvariantCulture) + ".qed"));
        Row(host, images, "info", "Get-QedImageInfo", "info");
        Row(host, images, "check", "Test-QedImage", "check");
        Directory.Delete(images, recursive: true);
    }

    private static void Row(PowerShellHost host, string images, string name, string cmdlet, string command)
        => SideBySide.Compare(
            $"{name} over {Count.ToString("N0", CultureInfo.InvariantCulture)} small images, PowerShell's start included",
            1,
            () => host.Run($"$n = @(Get-ChildItem -LiteralPath '{images}' -Filter *.qed | {cmdlet}).Count; if ($n -ne {Count}) {{ throw $n }}"),
            [() => SideBySide.Run("sh", "-c", $"ls '{images}' | xargs -P 2 -I@ qemu-img {command} -f qed '{images}/@' > /dev/null")],
            goal: 20);
}
