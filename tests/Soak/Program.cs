using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading.Tasks;

namespace Qed.Tests.Soak;

/// <summary>Starts some processes that work on chains of images at random, and one that looks at all of them meanwhile.</summary>
internal static class Program
{
    private const int Workers = 2;

    private static int Main(string[] arguments)
    {
        int Number(int index, int otherwise) => arguments.Length > index ? int.Parse(arguments[index], CultureInfo.InvariantCulture) : otherwise;
        // Qed.Soak work <folder> <minutes> <seed>, or look, are what it starts itself as.
        if (arguments.Length > 1 && arguments[0] is "work" or "look")
        {
            TimeSpan time = TimeSpan.FromMinutes(Number(2, 1));
            var role = arguments[0] == "work" ? (Role)new Worker(arguments[1], Number(3, 1)) : new Onlooker(arguments[1], Number(3, 1));
            return role.Run(time);
        }

        (int minutes, int seed) = (Number(0, 60), Number(1, Environment.TickCount & 0xffff));
        string folder = Directory.CreateTempSubdirectory("qed-soak-").FullName;
        Console.WriteLine($"seed {seed}, {minutes} minutes, {Workers} processes that work and one that looks, in {folder}");
        try
        {
            List<Process> all = [];
            for (int i = 0; i < Workers; i++)
                all.Add(Start("work", Directory.CreateDirectory(Path.Combine(folder, $"chain{i}")).FullName, minutes, seed + i));
            all.Add(Start("look", folder, minutes, seed));
            Task.WaitAll(all.Select(process => process.WaitForExitAsync()));
            return all.Max(process => process.ExitCode);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static Process Start(string role, string folder, int minutes, int seed)
    {
        string[] words = [typeof(Program).Assembly.Location, role, folder, minutes.ToString(CultureInfo.InvariantCulture), seed.ToString(CultureInfo.InvariantCulture)];
        return Process.Start(Environment.ProcessPath!, ["exec", .. words]);
    }
}
