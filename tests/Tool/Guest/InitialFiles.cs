using System;
using System.Collections.Generic;
using System.IO;
using System.IO.Compression;
using System.Linq;
using System.Text;
using Qed.Tests.Support;

namespace Qed.Tests.Tool.Guest;

/// <summary>What a guest's kernel finds before it has a disk: an archive in cpio's format newc, compressed.</summary>
internal static class InitialFiles
{
    private const int Folder = 0x4000 | 0x1ED;
    private const int Program = 0x8000 | 0x1ED;
    private const int Device = 0x2000 | 0x180;

    private static readonly string[] Folders = ["bin", "dev", "lib", "lib64", "mnt", "modules", "proc", "sbin", "sys"];

    /// <summary>Writes the archive.</summary>
    /// <param name="path">Where to.</param>
    /// <param name="modules">The kernel's modules.</param>
    /// <param name="init">The first program, a script of busybox's shell.</param>
    internal static void Write(string path, IEnumerable<string> modules, string init)
    {
        using var stream = new GZipStream(File.Create(path), CompressionLevel.Fastest);
        foreach (string folder in Folders)
            Add(stream, folder, Folder, []);
        Add(stream, "dev/console", Device, [], deviceMajor: 5, deviceMinor: 1);
        Add(stream, "init", Program, Encoding.ASCII.GetBytes(init));
        Add(stream, "bin/busybox", Program, File.ReadAllBytes("/bin/busybox"));
        const string Mkfs = "/usr/sbin/mkfs.ext4";
        Add(stream, "sbin/mkfs.ext4", Program, File.ReadAllBytes(Mkfs));
        var made = new HashSet<string>(Folders);
        foreach (string library in LibrariesOf(Mkfs))
        {
            string name = library.TrimStart('/');
            foreach (string folder in FoldersOf(name).Where(made.Add))
                Add(stream, folder, Folder, []);
            Add(stream, name, Program, File.ReadAllBytes(library));
        }

        foreach (string module in modules)
            Add(stream, "modules/" + Path.GetFileName(module), Program, File.ReadAllBytes(module));
        Add(stream, "TRAILER!!!", 0, []);
    }

    private static IEnumerable<string> LibrariesOf(string program)
        => Qemu.Run("ldd", program).Output.Split([' ', '\n', '\t'], StringSplitOptions.RemoveEmptyEntries).Where(word => word.StartsWith('/')).Distinct();

    private static IEnumerable<string> FoldersOf(string name)
    {
        for (int slash = name.IndexOf('/'); slash >= 0; slash = name.IndexOf('/', slash + 1))
            yield return name[..slash];
    }

    private static void Add(Stream stream, string name, int mode, byte[] data, int deviceMajor = 0, int deviceMinor = 0)
    {
        int[] fields = [0, mode, 0, 0, 1, 0, data.Length, 0, 0, deviceMajor, deviceMinor, name.Length + 1, 0];
        byte[] head = Encoding.ASCII.GetBytes("070701" + string.Concat(fields.Select(field => field.ToString("X8", System.Globalization.CultureInfo.InvariantCulture))) + name + "\0");
        Write(stream, head);
        Write(stream, data);
    }

    private static void Write(Stream stream, byte[] bytes)
    {
        stream.Write(bytes);
        stream.Write(new byte[-bytes.Length & 3]);
    }
}
